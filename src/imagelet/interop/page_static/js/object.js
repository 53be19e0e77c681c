// @ts-check
// The page of a classifier of objects on plain ground.

import { foreground } from "./framing/foreground.js";
import { start } from "./page/start.js";

start({ object: foreground });
