"""What imagelet must survive, tried many thousand times: hostile input and sudden ends."""
