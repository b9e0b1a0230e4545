// How the movement of a hand becomes the points of a stroke: pressure, smoothing, straight lines.

const LIGHTEST = 0.25; // of the width, for the lightest touch of a pen
const SMOOTHING = 0.35; // share of the way to the hand that the line follows at each point
const CLOSE_PX = 0.35; // points nearer than this add nothing
const LINE_STEP_PX = 6;

/** Multiplies the width: a mouse and a finger press evenly, a pen as it tells. */
function pressureOf(event) {
  if (event.pointerType !== "pen" || !event.pressure) return 1;
  return Math.min(1, LIGHTEST + (1 - LIGHTEST) * event.pressure);
}

/** Collects one stroke; `take` gives the points that are new since the last call. */
class StrokeMaker {
  constructor(id, pen, { smooth, straight }) {
    this.stroke = { id, hand: "user", color: pen.color, size: pen.size, erase: pen.erase, points: [] };
    this.smooth = smooth;
    this.straight = straight;
    this.numTaken = 0;
    this.isOver = false;
  }

  /** Adds where the hand is: x and y on the paper, seconds since the pen went down, pressure. */
  add(x, y, time, pressure) {
    const { points } = this.stroke;
    this.hand = [x, y, time, pressure];
    if (!points.length) {
      points.push([...this.hand]);
      return;
    }
    if (this.straight) {
      this.drawLine();
      return;
    }
    const last = points[points.length - 1];
    const share = this.smooth ? SMOOTHING : 1;
    const next = [last[0] + share * (x - last[0]), last[1] + share * (y - last[1])];
    if (Math.hypot(next[0] - last[0], next[1] - last[1]) < CLOSE_PX) return;
    points.push([...next, Math.max(time, last[2]), pressure]);
  }

  /** The line from where the pen went down to the hand, with as many points as others have. */
  drawLine() {
    const [from] = this.stroke.points;
    const to = this.hand;
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
    const count = Math.max(1, Math.ceil(length / LINE_STEP_PX));
    const at = (share) => from.map((value, axis) => (axis === 3 ? value : value + share * (to[axis] - value)));
    this.stroke.points = [from, ...Array.from({ length: count }, (_, i) => at((i + 1) / count))];
  }

  /** The pen goes up; a smoothed line reaches the hand at last. */
  finish() {
    const { points } = this.stroke;
    if (this.smooth && !this.straight && points.length > 1) {
      const last = points[points.length - 1];
      if (Math.hypot(this.hand[0] - last[0], this.hand[1] - last[1]) > CLOSE_PX) points.push([...this.hand]);
    }
    this.isOver = true;
  }

  /** What the server has not seen yet. A straight line may still turn, so it waits for its end. */
  take() {
    if (this.straight && !this.isOver) return [];
    const news = this.stroke.points.slice(this.numTaken);
    this.numTaken = this.stroke.points.length;
    return news;
  }
}
