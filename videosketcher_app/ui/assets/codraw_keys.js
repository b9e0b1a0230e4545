// Keys of the whole desk. They are heard on it and not on the page, so text fields keep theirs.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class Keys {
  constructor(desk) {
    this.desk = desk;
    desk.root.addEventListener("keydown", (event) => this.heard(event));
    this.letters = {
      b: () => desk.setTool("pen"),
      e: () => desk.setTool("eraser"),
      l: () => desk.setTool("line"),
      k: () => desk.setTool("lasso"),
      h: () => desk.setTool("hand"),
      d: () => desk.actions.keys(),
      "[": () => desk.setSize(desk.pen.size - 0.5),
      "]": () => desk.setSize(desk.pen.size + 0.5),
      "+": () => desk.actions["zoom-in"](),
      "-": () => desk.actions["zoom-out"](),
      "0": () => desk.actions["zoom-fit"](),
    };
  }

  heard(event) {
    const { target } = event;
    if (event.altKey || event.isComposing) return;
    if (target.matches("input:not([type=range]):not([type=checkbox]):not([type=color]), select, textarea")) return;
    if (event.ctrlKey || event.metaKey) this.heardControl(event);
    else if (this.act(event, event.key)) event.preventDefault();
  }

  heardControl(event) {
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    if (key === "y" || event.shiftKey) this.desk.actions.redo();
    else this.desk.actions.undo();
  }

  /** True if the key meant something here. */
  act({ target, shiftKey }, key) {
    const { desk } = this;
    const onPaper = target === desk.stage.live;
    if (key === "Escape") return desk.escape();
    if (this.letters[key.toLowerCase()] && !target.matches("input")) {
      this.letters[key.toLowerCase()]();
      return true;
    }
    if (!onPaper) return false;
    if (key === "Enter") desk.actions.go();
    else if (key === " " && desk.hand.cursor) desk.pressCursor();
    else if (key === " ") desk.actions.replay();
    else if (ARROWS[key] && desk.hand.cursor) desk.hand.moveCursor(...ARROWS[key], shiftKey);
    else if (key === "ArrowLeft" || key === "ArrowRight") desk.time.step(ARROWS[key][0] * (shiftKey ? 10 : 1));
    else return false;
    return true;
  }
}
