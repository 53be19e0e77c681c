// @ts-check
// Strokes and pictures painted on a canvas as on a sheet of paper.

const BRUSH = 0.07; // of the side: about what a felt pen is to a digit
const ERASER = 0.12;
const SMOOTH_FROM = 64; // pixels a side; smaller images stay crisp squares

/**
 * Paint the steps on a square canvas.
 * @param {CanvasRenderingContext2D} context
 * @param {import("./steps.js").Step[]} steps
 */
export function paintSheet(context, steps) {
  const style = getComputedStyle(document.documentElement);
  const [sheet, pen] = ["--sheet", "--pen"].map((name) => style.getPropertyValue(name).trim());
  const side = context.canvas.width;
  context.fillStyle = sheet;
  context.fillRect(0, 0, side, side);
  for (const step of steps) {
    if (step.kind === "stroke") paintStroke(context, step.points, side * (step.erase ? ERASER : BRUSH), step.erase ? sheet : pen);
    else if (step.kind === "picture" && step.image) paintPicture(context, step.image, step.sample ? "#000" : sheet);
  }
}

function paintStroke(context, points, width, colour) {
  Object.assign(context, { lineCap: "round", lineJoin: "round", lineWidth: width, strokeStyle: colour });
  context.beginPath();
  const [first] = points;
  context.moveTo(first.x, first.y);
  if (points.length === 1) context.lineTo(first.x + 0.01, first.y);
  for (let index = 1; index < points.length; index++) {
    const [from, to] = [points[index - 1], points[index]];
    context.quadraticCurveTo(from.x, from.y, (from.x + to.x) / 2, (from.y + to.y) / 2);
  }
  const end = points.at(-1);
  context.lineTo(end.x, end.y);
  context.stroke();
}

/** As large as fits, in the middle. */
function paintPicture(context, image, ground) {
  const side = context.canvas.width;
  const scale = Math.min(side / image.width, side / image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  context.fillStyle = ground;
  context.imageSmoothingEnabled = image.width > SMOOTH_FROM;
  context.drawImage(image, (side - width) / 2, (side - height) / 2, width, height);
}
