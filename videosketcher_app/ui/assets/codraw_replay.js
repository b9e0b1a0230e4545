// The whole session again: every stroke in its own time, the model's ink in its frames.

const PEN_LIFT_S = 0.2; // between two strokes that the model has not answered yet

/** The moments of a session: [{ start, end, draw(context, done, seconds) }], in seconds. */
function sessionMoments(story) {
  const moments = [];
  let now = 0;
  const add = (length, draw) => {
    moments.push({ start: now, end: now + length, draw });
    now += length;
  };
  for (const turn of story.path()) {
    add(turn.frames / story.fps, (context, seconds) => story.paintTurn(context, turn, seconds * story.fps));
  }
  for (const stroke of story.pending) {
    const begun = stroke.points[0][2];
    add(Math.max(0.05, strokeEnd(stroke) - begun), (context, seconds) => drawStroke(context, stroke, begun + seconds));
    now += PEN_LIFT_S;
  }
  return { moments, length: now };
}

/** Draws the session as it was at a time in seconds. */
function paintMoment(context, story, { moments }, time) {
  story.paint(context, { number: 0, pending: false });
  for (const { start, end, draw } of moments) {
    if (start > time) break;
    draw(context, time >= end ? Infinity : time - start);
  }
}

/** Plays a session on the stage; `onTime(time, length, isPlaying)` follows it. */
class Replay {
  constructor(stage, onTime) {
    this.stage = stage;
    this.onTime = onTime;
    this.speed = 1;
    this.isPlaying = false;
    this.time = 0;
    this.session = null;
  }

  get isOpen() {
    return this.session !== null;
  }

  open() {
    this.session = sessionMoments(this.stage.story);
    this.time = 0;
  }

  toggle() {
    if (this.isPlaying) this.pause();
    else this.play();
  }

  play() {
    if (!this.isOpen) this.open();
    if (this.time >= this.session.length) this.time = 0;
    this.isPlaying = true;
    this.last = performance.now();
    requestAnimationFrame(() => this.tick());
  }

  pause() {
    this.isPlaying = false;
    this.show();
  }

  seek(time) {
    if (!this.isOpen) this.open();
    this.time = clamp(time, 0, this.session.length);
    this.show();
  }

  close() {
    if (!this.isOpen) return;
    this.isPlaying = false;
    this.session = null;
    this.stage.redraw();
    this.onTime(0, 0, false);
  }

  tick() {
    if (!this.isPlaying) return;
    const now = performance.now();
    this.time = Math.min(this.session.length, this.time + ((now - this.last) / 1000) * this.speed);
    this.last = now;
    if (this.time >= this.session.length) this.isPlaying = false;
    this.show();
    if (this.isPlaying) requestAnimationFrame(() => this.tick());
  }

  show() {
    const { stage } = this;
    const context = stage.settled.getContext("2d");
    stage.view.apply(context, stage.ratio);
    paintMoment(context, stage.story, this.session, this.time);
    stage.compose();
    this.onTime(this.time, this.session.length, this.isPlaying);
  }
}
