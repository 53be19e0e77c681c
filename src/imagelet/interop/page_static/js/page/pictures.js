// @ts-check
// Pictures from a file, the clipboard or the camera.

import { part } from "./elements.js";

const LONGEST = 2048; // pixels; a larger picture is made smaller when it is opened

/** The pixels of an image or canvas, without transparency. */
export function pictureOf(source, width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, width, height);
  const { data: pixels } = context.getImageData(0, 0, width, height);
  const ground = groundOf(pixels);
  const data = new Uint8Array(3 * width * height);
  for (let from = 0, to = 0; from < pixels.length; from += 4, to += 3) {
    const rest = (1 - pixels[from + 3] / 255) * ground;
    for (let channel = 0; channel < 3; channel++) {
      data[to + channel] = Math.round((pixels[from + channel] * pixels[from + 3]) / 255 + rest);
    }
  }
  return { height, width, channels: 3, data };
}

/** What pixels are laid on: white, or black where they are transparent and light. */
function groundOf(pixels) {
  let [visible, light] = [0, 0];
  for (let at = 0; at < pixels.length; at += 4) {
    visible += pixels[at + 3];
    light += (pixels[at + 3] * (299 * pixels[at] + 587 * pixels[at + 1] + 114 * pixels[at + 2])) / 1000;
  }
  return visible < 255 * (pixels.length / 4) && light > 127.5 * visible ? 0 : 255;
}

/** Offer all ways to a picture; `lay(image)` gets it, `fail(key)` the name of the text that says what went wrong. */
export function offerPictures(/** @type {(image: ImageBitmap) => void} */ lay, /** @type {(key: string) => void} */ fail) {
  const open = async (file) => {
    if (!file) return;
    try {
      lay(await bitmapOf(file));
    } catch {
      fail("not_shown");
    }
  };
  part("open").addEventListener("click", () => part("file").click());
  part("file").addEventListener("change", ({ target }) => open(target.files[0]));
  document.addEventListener("paste", ({ clipboardData }) => open(clipboardData.files[0]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    open(event.dataTransfer.files[0]);
  });
  offerCamera(lay, fail);
}

async function bitmapOf(source) {
  const options = { colorSpaceConversion: "none" };
  const image = await createImageBitmap(source, /** @type {any} */ (options));
  const scale = LONGEST / Math.max(image.width, image.height);
  if (scale >= 1) return image;
  const [resizeWidth, resizeHeight] = [image.width, image.height].map((side) => Math.round(side * scale));
  return createImageBitmap(image, { resizeWidth, resizeHeight, resizeQuality: "high" });
}

function offerCamera(lay, fail) {
  const [dialog, video] = [part("camera"), part("video")];
  part("photograph").addEventListener("click", async () => {
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      dialog.showModal();
    } catch {
      fail("no_camera");
    }
  });
  part("take").addEventListener("click", async () => {
    if (video.videoWidth) lay(await bitmapOf(video));
    dialog.close();
  });
  dialog.addEventListener("close", () => {
    for (const track of video.srcObject.getTracks()) track.stop();
    video.srcObject = null;
  });
}
