// The desk: tools, paper, plan and turns around one drawing, and the line to the server.

const SESSION = "videosketcher.codraw";
const NO_MODEL = new Set(["MISSING_MODEL", "DAMAGED_MODEL"]);

class Desk {
  constructor(root) {
    this.root = root;
    this.base = window.gradio_config?.root ?? "";
    this.story = new Story({ width: SIZES[0][0], height: SIZES[0][1] }, 15);
    this.stage = new Stage(root.querySelector(".cd-stage"), this.story);
    this.tool = "pen";
    this.pen = { color: COLORS[0], size: 2.5 };
    this.smooth = true;
    this.isAlone = false; // no model, so no session: the drawing lives on the page only
    this.numPainted = 0;
    this.wasLost = false;
    this.isWelcome = false; // the server has a model, and a session opens with the first stroke
    this.isReady = false; // a session is open
    this.isStarting = false;
    this.wishes = []; // what is said when it is
    this.hearing = new Hearing(this);
    this.link = new Link(this.base, {
      receive: (message) => this.hearing.receive(message),
      paint: (view) => this.hearing.paint(view),
      changed: (state) => this.lineChanged(state),
    });
    this.hand = new Hand(this);
    this.plan = new PlanList(root, {
      use: (concept, parts) => this.say({ kind: "words", concept, parts }),
      plan: (concept) => this.say({ kind: "words", concept }),
      mark: (part, drawn) => this.say({ kind: "mark", part, drawn }),
    });
    this.turns = new TurnList(root, (turn) => this.ask({ kind: "jump", turn }));
    this.time = new TimeLine(root, this.stage);
    this.files = new Files(this, this.base);
    this.models = new ModelChoice(this);
    this.actions = this.allActions();
    this.keys = new Keys(this);
    fillChoices(this);
    listen(this);
    this.setTool("pen");
    this.setColor(this.pen.color);
    this.setSize(this.pen.size);
    this.refresh();
    this.link.connect();
  }

  allActions() {
    const { link } = this;
    return {
      go: () => this.go(),
      stop: () => this.stop(),
      undo: () => this.undo(),
      redo: () => this.redo(),
      onion: () => this.say({ kind: "onion", on: !this.stage.overlay.onion }),
      accept: () => this.accept(),
      again: () => link.again(),
      plan: () => this.plan.plan(),
      replay: () => this.time.togglePlay(),
      keep: () => this.ask({ kind: "keep", ...this.time.chosen }),
      keys: () => this.toggleKeys(),
      smooth: () => this.setSmooth(!this.smooth),
      unlock: () => this.locked([]),
      "zoom-in": () => this.zoom(1.5),
      "zoom-out": () => this.zoom(1 / 1.5),
      "zoom-fit": () => this.zoom(0),
      "close-replay": () => this.time.close(),
      "add-part": () => this.plan.add(),
      "use-plan": () => this.plan.apply(),
      "close-compare": () => this.turns.dialog.close(),
      new: () => this.startNew(),
    };
  }

  // The line.

  lineChanged(state) {
    this.button("again").hidden = state !== "refused";
    if (state === "open") {
      this.hearing.reset();
      const session = this.session ?? sessionStorage.getItem(SESSION);
      this.wasHere = session !== null;
      if (this.wasHere || !this.story.isBlank) this.start({ session });
      else this.link.send({ kind: "look", model: this.models.wanted });
    } else {
      this.wasLost = true;
      this.isReady = this.isStarting = false;
      this.told(say(state === "lost" ? "lost" : "refused"), true);
    }
    this.refresh();
  }

  /** Nothing is open yet, but a session can be: an empty sheet takes nobody's place. */
  welcome() {
    this.isWelcome = true;
    this.told(say(this.wasLost ? "back" : "ready"));
    this.wasLost = false;
    this.refresh();
  }

  /** Says something about the session, and opens it first if need be. */
  say(message) {
    if (this.isReady) {
      this.link.send(message);
      return;
    }
    this.wishes.push(message);
    this.ensureStarted();
  }

  ensureStarted() {
    if (this.isWelcome && !this.isReady && !this.isStarting && this.link.isOpen) this.start({});
  }

  start({ session = null, leave = null }) {
    this.isReady = false;
    this.isStarting = true;
    if (!this.wasLost) this.told(say("loading"));
    const [width, height] = this.canvasChoice;
    const concept = this.plan.field.value.trim();
    const { wanted: model } = this.models;
    const mode = this.select("mode").value;
    const seed = Math.floor(Math.random() * 2 ** 31);
    this.link.send({ kind: "start", session, leave, width, height, concept, model, mode, seed });
  }

  opened(session) {
    this.session = session;
    this.remember();
  }

  /** So that the drawing is found again after a reload; an empty sheet is not worth it. */
  remember() {
    if (this.session && !this.story.isBlank) sessionStorage.setItem(SESSION, this.session);
  }

  /** The server's word on where the drawing is. */
  loaded(state) {
    const { story, stage } = this;
    const isSame = state.width === story.paper.width && state.height === story.paper.height;
    const unsent = story.pending.filter((stroke) => stroke.id && !stroke.isKept);
    if (!isSame) {
      Object.assign(story, new Story({ width: state.width, height: state.height }, state.fps));
      stage.load(story);
    }
    story.load(state);
    if (state.sync) this.takeUp(unsent);
    this.hearing.pace.fps = state.fps;
    this.can = { undo: state.can_undo, redo: state.can_redo };
    if (!this.hearing.turn) stage.clearFresh();
    this.plan.setConcept(state.concept);
    showSettings(this, state);
    this.remember();
    this.redraw();
  }

  /** Strokes that the server has not confirmed stay; after a lost line they are sent once more. */
  takeUp(unsent) {
    this.story.pending.push(...unsent);
    if (this.isReady) return;
    this.hand.sendAgain(unsent);
    this.isReady = this.isWelcome = true;
    this.isStarting = false;
    this.hand.send();
    this.wishes.splice(0).forEach((message) => (message.kind === "go" ? this.go() : this.link.send(message)));
    if (this.hearing.turn) return;
    // Who draws while the session opens has been told something newer since.
    if (this.wasLost || this.status.textContent === say("loading")) this.told(say(this.wasLost ? "back" : "ready"));
    this.wasLost = false;
  }

  failed(code, words) {
    this.isStarting = false;
    if (NO_MODEL.has(code) && !this.session) this.goAlone(words);
    else this.told(words, true);
  }

  /** There is no model: what is drawn stays on the page. */
  goAlone(words) {
    this.isAlone = true;
    const note = this.root.querySelector(".cd-missing");
    note.textContent = `${words} ${say("missing")}`;
    note.hidden = false;
    this.told(say("alone"));
    this.refresh();
  }

  /** Whether strokes may be sent now. */
  get mayTell() {
    return this.isReady && this.link.isOpen && !this.hearing.turn && !this.isAlone;
  }

  ask(message) {
    this.hand.send();
    this.time.close();
    this.say(message);
  }

  // Drawing.

  /** Before anything is drawn: the model stops, and the paper shows now. */
  mayDraw() {
    this.restless();
    this.stop();
    this.time.close();
    this.ensureStarted();
    return true;
  }

  drawn(stroke) {
    this.story.pending.push(stroke);
    this.stage.settle([stroke]);
    this.time.rest();
    this.remember();
    this.refresh();
    this.rested();
  }

  locked(polygon) {
    this.say({ kind: "lock", points: polygon });
    this.story.locks = polygon.length ? [...this.story.locks, polygon] : [];
    this.told(say(polygon.length ? "locked" : "unlocked"));
    this.redraw();
  }

  undo() {
    if (this.isAlone) {
      this.story.pending.pop();
      this.redraw();
    } else this.ask({ kind: "undo" });
    this.told(say("undone"));
  }

  redo() {
    this.ask({ kind: "redo" });
    this.told(say("redone"));
  }

  // The model's turn.

  go() {
    if (this.isAlone || this.hearing.turn) return;
    if (!this.isReady) {
      this.say({ kind: "go" });
      return;
    }
    this.restless();
    this.time.close();
    this.hand.send();
    this.showOnion(null);
    this.beginTurn({ kind: "go" });
  }

  accept() {
    this.showOnion(null);
    this.beginTurn({ kind: "accept" });
  }

  beginTurn(message) {
    this.link.send(message);
    this.hearing.turn = { number: null, shown: -1, told: -1, isStopping: false };
    this.told(say("drawing"));
    this.refresh();
  }

  turnBegan() {
    const part = this.plan.nextName;
    this.told(part ? say("drawing_part", { part }) : say("drawing"));
    this.redraw();
  }

  turnOver() {
    const part = this.plan.nextName;
    if (this.lastTurn?.ending === "part" && part) this.told(say("tutor_draw"));
    this.redraw();
  }

  stop() {
    if (!this.hearing.turn || this.hearing.turn.isStopping) return;
    this.hearing.stop();
    this.told(say("stopped"));
    this.refresh();
  }

  /** True if there was something to break off. */
  escape() {
    this.restless();
    if (this.hand.pen.cancel()) return true;
    if (this.hearing.turn) this.stop();
    else if (this.time.isElsewhere) this.time.close();
    else return false;
    return true;
  }

  showOnion(strokes) {
    this.stage.overlay.onion = strokes;
    this.stage.drawOverlay();
    if (strokes) this.told(say("onion_shown"));
    this.refresh();
  }

  /** Pen up: after a while of rest the model may go on by itself. */
  rested() {
    const seconds = Number(this.select("pause").value);
    if (seconds) this.resting = setTimeout(() => this.go(), seconds * 1000);
  }

  restless() {
    clearTimeout(this.resting);
  }

  // What is seen.

  startNew() {
    this.time.close();
    this.hearing.reset();
    this.story.turns.clear();
    Object.assign(this.story, { head: 0, pending: [], locks: [] });
    this.hand.sendAgain([]);
    const leave = this.session ?? null;
    this.session = null;
    sessionStorage.removeItem(SESSION);
    if (this.isAlone) this.resizePaper();
    else this.start({ leave });
    this.redraw();
  }

  /** Without a session the page itself lays out another paper. */
  resizePaper() {
    const [width, height] = this.canvasChoice;
    this.story.paper = { width, height };
    this.stage.load(this.story);
  }

  get canvasChoice() {
    return this.select("canvas").value.split("x").map(Number);
  }

  zoom(factor) {
    const { view, live } = this.stage;
    if (factor) view.zoomAt(factor, live.clientWidth / 2, live.clientHeight / 2);
    else view.reset();
    this.viewChanged();
  }

  viewChanged() {
    if (this.isTurning) return;
    this.isTurning = true;
    requestAnimationFrame(() => {
      this.isTurning = false;
      if (this.time.replay.isOpen) this.time.replay.show();
      else this.stage.redraw();
      this.stage.drawOverlay();
    });
  }

  redraw() {
    if (!this.time.isElsewhere) {
      this.time.rest();
      this.stage.redraw();
    }
    if (!this.hearing.turn) this.turns.show(this.story);
    this.refresh();
  }

  /** Buttons as they can be used now. */
  refresh() {
    const { story, hearing, isAlone } = this;
    const busy = Boolean(hearing.turn);
    const here = (this.isReady || this.isWelcome) && this.link.isOpen && !isAlone;
    const set = (action, usable) => { this.button(action).disabled = !usable; };
    set("go", here && !busy);
    set("stop", busy);
    set("undo", !busy && !story.isBlank && (here || isAlone));
    set("redo", here && !busy && this.can?.redo);
    set("onion", here && !busy);
    set("replay", !story.isBlank);
    const onion = Boolean(this.stage.overlay.onion);
    this.button("onion").setAttribute("aria-pressed", String(onion));
    this.button("accept").hidden = !onion || busy;
    this.button("unlock").hidden = !story.locks.length;
    this.stage.root.classList.toggle("cd-busy", busy);
  }

  get status() {
    return this.root.querySelector(".cd-told");
  }

  told(words, isAlert = false) {
    const line = this.status;
    if (line.textContent !== words) line.textContent = words;
    line.classList.toggle("cd-alert", isAlert);
  }

  button(action) {
    return this.root.querySelector(`[data-do="${action}"]`);
  }

  select(name) {
    return this.root.querySelector(`[data-set="${name}"]`);
  }
}
