// The whole session again: every stroke in its own time, the model's ink in its frames.

const LONGEST_GAP_S = 0.5; // between two strokes of a person

/** The moments of a session: [{ start, end, turn, stroke | frames }], in seconds. */
function sessionMoments(story) {
  const moments = [];
  let now = 0;
  const add = (length, what) => {
    moments.push({ start: now, end: now + length, ...what });
    now += length;
  };
  for (const turn of [...story.path(), { number: null, strokes: story.pending, ink: [], frames: 0 }]) {
    for (const stroke of turn.strokes) {
      add(Math.max(0.05, strokeEnd(stroke)), { turn, stroke });
      now += LONGEST_GAP_S / 2;
    }
    if (turn.frames) add(turn.frames / story.fps, { turn, frames: turn.frames });
  }
  return { moments, length: now };
}

/** Draws the session as it was at a time in seconds. */
function paintMoment(context, story, { moments }, time) {
  story.paint(context, { number: 0, pending: false });
  for (const moment of moments) {
    if (moment.start > time) break;
    const done = time >= moment.end;
    if (moment.stroke) drawStroke(context, moment.stroke, done ? Infinity : time - moment.start);
    else {
      const frame = done ? Infinity : (time - moment.start) * story.fps;
      moment.turn.ink.forEach((stroke) => drawStroke(context, stroke, frame));
    }
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
