// @ts-check
// The page of a classifier of handwriting.

import { handwriting } from "./framing/handwriting.js";
import { start } from "./page/start.js";

start({ handwriting });
