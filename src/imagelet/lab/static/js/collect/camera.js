// @ts-check
// The camera: a square picture of it, as it is now. Several places may show it; it is on while one of them does.

import { t } from "../shared/i18n.js";
import { h, replace } from "../shared/ui.js";

const WANTED = { video: { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "environment" }, audio: false };
const QUALITY = 0.92; // of the JPEG

let stream = null; // Promise<MediaStream>
let users = 0;

async function open() {
  users += 1;
  if (!navigator.mediaDevices) throw new Error(t("collect.camera_insecure"));
  stream ??= navigator.mediaDevices.getUserMedia(WANTED);
  try {
    return await stream;
  } catch (problem) {
    stream = null;
    const isRefused = problem.name === "NotAllowedError" || problem.name === "SecurityError";
    throw new Error(t(isRefused ? "collect.camera_refused" : "collect.camera_missing"), { cause: problem });
  }
}

async function close() {
  users -= 1;
  if (users > 0 || !stream) return;
  const opened = stream;
  stream = null;
  const closing = await opened.catch(() => null);
  closing?.getTracks().forEach((track) => track.stop());
}

/** A view of the camera. `picture(side)` is what it shows, as a JPEG; null while there is none. */
export function makeCamera() {
  const video = h("video", { class: "camera", playsinline: true, muted: true, "aria-label": t("collect.camera") });
  video.muted = true; // the attribute alone does not count
  const words = h("p", { class: "stage-note", role: "status" });
  const canvas = document.createElement("canvas");
  let isOpen = false;

  async function start() {
    if (isOpen) return;
    isOpen = true;
    replace(words, t("collect.camera_wait"));
    try {
      const opened = await open();
      if (!isOpen) return;
      video.srcObject = opened;
      await video.play();
      replace(words);
    } catch (problem) {
      if (isOpen) replace(words, problem.message);
    }
  }

  function stop() {
    if (!isOpen) return;
    isOpen = false;
    video.srcObject = null;
    close();
  }

  /** @returns {Promise<Blob | null>} */
  async function picture(side) {
    const { videoWidth: width, videoHeight: height } = video;
    if (!isOpen || !width || video.readyState < 2) return null;
    const part = Math.min(width, height);
    canvas.width = canvas.height = Math.min(side, part);
    const place = [(width - part) / 2, (height - part) / 2, part, part];
    canvas.getContext("2d").drawImage(video, place[0], place[1], part, part, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  }

  return { element: h("div", { class: "camera-view" }, video, words), start, stop, picture };
}
