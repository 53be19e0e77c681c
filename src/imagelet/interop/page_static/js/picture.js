// @ts-check
// The page of a classifier of whole pictures.

import { crop, fit, halfCrop, stretch } from "./framing/whole_pictures.js";
import { start } from "./page/start.js";

start({ crop, fit, "half-crop": halfCrop, stretch });
