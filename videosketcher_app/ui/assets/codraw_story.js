// What has been drawn: a tree of turns, of the person and of the model, as the server has it.
//
// A turn is { number, parent, hand, strokes, frames, raw }: its strokes (times are frames of the
// turn), how many frames it takes, and the model's own pixels if they were asked for.

const THUMB_WIDTH = 132;

class Story {
  constructor(paper, fps) {
    this.paper = paper;
    this.fps = fps;
    this.turns = new Map();
    this.head = 0; // number of the turn that is shown last; 0 is blank paper
    this.pending = []; // strokes since then
    this.locks = [];
    this.raw = false; // show the model's own pixels where there are any
  }

  get isBlank() {
    return !this.head && !this.pending.length;
  }

  get last() {
    return this.turns.get(this.head) ?? null;
  }

  /** Turns from the first to the given one. */
  path(number = this.head) {
    const turns = [];
    for (let turn = this.turns.get(number); turn; turn = this.turns.get(turn.parent)) turns.unshift(turn);
    return turns;
  }

  put(turn) {
    const blank = { strokes: [], frames: 0, raw: null, hand: "model", parent: 0 };
    const whole = Object.assign(this.turns.get(turn.number) ?? blank, turn);
    this.turns.set(turn.number, whole);
    return whole;
  }

  /** Takes over what the server says; `sync` replaces the strokes that it has not answered, too. */
  load(state) {
    const known = new Set(state.turns.map((turn) => turn.turn));
    for (const number of this.turns.keys()) if (!known.has(number)) this.turns.delete(number);
    for (const told of state.turns) {
      const turn = this.put({
        number: told.turn, parent: told.parent ?? 0, hand: told.hand, frames: told.drawn_frames ?? told.num_frames,
      });
      if (told.strokes) turn.strokes = told.strokes.map((stroke) => strokeOf(stroke, told.hand));
    }
    this.head = state.head ?? 0;
    this.locks = state.locked ?? [];
    this.fps = state.fps;
    if (state.sync) this.pending = (state.pending ?? []).map((stroke) => strokeOf(stroke, "you"));
  }

  /** Cuts a turn after a frame, as if the model had stopped there. */
  cut(turn, frame) {
    turn.frames = Math.min(turn.frames, frame + 1);
    turn.strokes = turn.strokes
      .map((stroke) => ({ ...stroke, points: pointsUntil(stroke.points, frame) }))
      .filter((stroke) => stroke.points.length);
  }

  /** Draws the picture after a turn; `frame` shows that turn only so far. */
  paint(context, { number = this.head, frame = Infinity, pending = true } = {}) {
    const { width, height } = this.paper;
    context.fillStyle = PAPER;
    context.fillRect(0, 0, width, height);
    for (const turn of this.path(number)) {
      this.paintTurn(context, turn, turn.number === number ? frame : Infinity);
    }
    if (pending && number === this.head) this.pending.forEach((stroke) => drawStroke(context, stroke));
  }

  paintTurn(context, turn, frame = Infinity) {
    const pixels = turn.picture ?? (this.raw && frame === Infinity ? turn.raw : null);
    if (pixels) context.drawImage(pixels, 0, 0, this.paper.width, this.paper.height);
    else turn.strokes.forEach((stroke) => drawStroke(context, stroke, frame));
  }

  /** A canvas with the picture after a turn. */
  picture(width, options = {}) {
    const canvas = blankCanvas(width, Math.round((width * this.paper.height) / this.paper.width));
    const context = canvas.getContext("2d");
    context.setTransform(width / this.paper.width, 0, 0, canvas.height / this.paper.height, 0, 0);
    this.paint(context, options);
    return canvas;
  }

  thumbnail(number) {
    return this.picture(Math.round(THUMB_WIDTH * (window.devicePixelRatio || 1)), { number, pending: false });
  }

  /** The layer of a turn's own pixels, made when the first of them comes. */
  rawLayer(turn) {
    turn.raw ??= blankCanvas(this.paper.width, this.paper.height);
    return turn.raw.getContext("2d");
  }
}

/** A stroke as the server tells it. */
function strokeOf({ points, color, width, opacity, eraser }, hand) {
  return { hand, points, color, opacity, size: width, erase: Boolean(eraser) };
}

function blankCanvas(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}
