// What has been drawn: a tree of turns, each the strokes of a person and the model's answer.
//
// A turn is { number, parent, label, strokes, ink, frames, raw }: strokes of the person, strokes
// traced from the model's ink (times in frames of the turn), its frames, and its raw pixels.

const THUMB_WIDTH = 132;

class Story {
  constructor(paper, fps) {
    this.paper = paper;
    this.fps = fps;
    this.turns = new Map();
    this.head = 0; // number of the turn that is shown last; 0 is blank paper
    this.pending = []; // strokes since then
    this.background = null;
    this.locks = [];
    this.raw = false; // show the model's pixels instead of its strokes
  }

  get isBlank() {
    return !this.head && !this.pending.length;
  }

  /** Turns from the first to the given one. */
  path(number = this.head) {
    const turns = [];
    for (let turn = this.turns.get(number); turn; turn = this.turns.get(turn.parent)) turns.unshift(turn);
    return turns;
  }

  children(number) {
    return [...this.turns.values()].filter((turn) => turn.parent === number);
  }

  /** The turn that Redo would bring back: the latest that follows the shown one. */
  get next() {
    return this.children(this.head).sort((a, b) => b.number - a.number)[0] ?? null;
  }

  put(turn) {
    const known = this.turns.get(turn.number);
    const whole = { strokes: [], ink: [], frames: 0, raw: null, ...known, ...turn };
    this.turns.set(turn.number, whole);
    return whole;
  }

  /** Cuts a turn after a frame, as if the model had stopped there. */
  cut(turn, frame) {
    turn.frames = Math.min(turn.frames, frame + 1);
    turn.ink = turn.ink
      .map((stroke) => ({ ...stroke, points: pointsUntil(stroke.points, frame) }))
      .filter((stroke) => stroke.points.length);
  }

  /** Draws the picture after a turn; `frame` shows its last turn only that far. */
  paint(context, { number = this.head, frame = Infinity, pending = true } = {}) {
    const { width, height } = this.paper;
    context.fillStyle = PAPER;
    context.fillRect(0, 0, width, height);
    if (this.background) context.drawImage(this.background, 0, 0, width, height);
    const path = this.path(number);
    path.forEach((turn, index) => this.paintTurn(context, turn, index === path.length - 1 ? frame : Infinity));
    if (pending && number === this.head) this.pending.forEach((stroke) => drawStroke(context, stroke));
  }

  paintTurn(context, turn, frame = Infinity) {
    turn.strokes.forEach((stroke) => drawStroke(context, stroke));
    if (this.raw && turn.raw && frame === Infinity) {
      context.drawImage(turn.raw, 0, 0, this.paper.width, this.paper.height);
    } else {
      turn.ink.forEach((stroke) => drawStroke(context, stroke, frame));
    }
  }

  /** A canvas with the picture after a turn. */
  picture(width, options = {}) {
    const canvas = blankCanvas(width, Math.round((width * this.paper.height) / this.paper.width));
    const context = canvas.getContext("2d");
    const scale = width / this.paper.width;
    context.setTransform(scale, 0, 0, canvas.height / this.paper.height, 0, 0);
    this.paint(context, options);
    return canvas;
  }

  thumbnail(number) {
    return this.picture(THUMB_WIDTH * Math.min(2, window.devicePixelRatio || 1), { number, pending: false });
  }

  /** The layer of a turn's raw pixels, made when it is first needed. */
  layerOf(turn) {
    turn.raw ??= blankCanvas(this.paper.width, this.paper.height);
    return turn.raw.getContext("2d");
  }
}

function blankCanvas(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}
