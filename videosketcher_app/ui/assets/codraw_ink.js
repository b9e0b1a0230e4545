// Strokes as lines on a 2D context. Positions are pixels of the paper, so the context's transform
// decides the resolution: the same stroke is sharp on every screen and at every zoom.
//
// A stroke is { hand, color, size, erase, points: [[x, y, time, pressure], ...] }; times are seconds
// while a stroke belongs to no turn yet, and frames of its turn afterwards.

const PAPER = "#ffffff";
const STEADY = 0.02; // pressure that changes by less is drawn as one line of one width

function widthAt(stroke, point) {
  return Math.max(0.3, stroke.size * (point[3] ?? 1));
}

function isSteady(points) {
  const first = points[0][3] ?? 1;
  return points.every((point) => Math.abs((point[3] ?? 1) - first) < STEADY);
}

/** Draws a stroke; `until` (in the stroke's own time) shows only what was drawn by then. */
function drawStroke(context, stroke, until = Infinity) {
  const points = until === Infinity ? stroke.points : pointsUntil(stroke.points, until);
  if (!points.length) return;
  const color = stroke.erase ? PAPER : stroke.color;
  context.strokeStyle = context.fillStyle = color;
  context.lineCap = context.lineJoin = "round";
  context.globalAlpha = stroke.opacity ?? 1;
  if (points.length === 1) drawDot(context, stroke, points[0]);
  else if (isSteady(points)) drawSteady(context, stroke, points);
  else drawPressed(context, stroke, points);
  context.globalAlpha = 1;
}

function drawDot(context, stroke, point) {
  context.beginPath();
  context.arc(point[0], point[1], widthAt(stroke, point) / 2, 0, 2 * Math.PI);
  context.fill();
}

/** One curve through the middles of the segments, so that corners of the sampling do not show. */
function drawSteady(context, stroke, points) {
  context.lineWidth = widthAt(stroke, points[0]);
  context.beginPath();
  context.moveTo(points[0][0], points[0][1]);
  for (let i = 1; i < points.length - 1; i += 1) {
    const [x, y] = points[i];
    const [nextX, nextY] = points[i + 1];
    context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
  }
  const last = points[points.length - 1];
  context.lineTo(last[0], last[1]);
  context.stroke();
}

/** The same curve in pieces, each as wide as the pen was pressed. */
function drawPressed(context, stroke, points) {
  let [fromX, fromY] = points[0];
  for (let i = 1; i < points.length; i += 1) {
    const [x, y] = points[i - 1];
    const isLast = i === points.length - 1;
    const toX = isLast ? points[i][0] : (x + points[i][0]) / 2;
    const toY = isLast ? points[i][1] : (y + points[i][1]) / 2;
    context.lineWidth = (widthAt(stroke, points[i - 1]) + widthAt(stroke, points[i])) / 2;
    context.beginPath();
    context.moveTo(fromX, fromY);
    if (isLast) context.lineTo(x, y);
    else context.quadraticCurveTo(x, y, toX, toY);
    context.lineTo(toX, toY);
    context.stroke();
    [fromX, fromY] = [toX, toY];
  }
}

/** The points up to a time, the last one cut to it. */
function pointsUntil(points, until) {
  const after = points.findIndex((point) => point[2] > until);
  if (after < 0) return points;
  if (after === 0) return [];
  const a = points[after - 1];
  const b = points[after];
  const share = (until - a[2]) / (b[2] - a[2] || 1);
  const middle = a.map((value, axis) => value + share * ((b[axis] ?? value) - value));
  return [...points.slice(0, after), middle];
}

/** Left, top, right and bottom of a stroke's ink, in pixels of the paper. */
function strokeBox(stroke) {
  const reach = stroke.size + 1;
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of stroke.points) {
    box[0] = Math.min(box[0], x - reach);
    box[1] = Math.min(box[1], y - reach);
    box[2] = Math.max(box[2], x + reach);
    box[3] = Math.max(box[3], y + reach);
  }
  return box;
}

/** Seconds, or frames, that a stroke takes. */
function strokeEnd(stroke) {
  return stroke.points.length ? stroke.points[stroke.points.length - 1][2] : 0;
}
