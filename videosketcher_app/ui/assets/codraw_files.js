// Files of the drawing. Pictures are made here, from the strokes; films come from the server. Where
// no model is installed there is no session, and the page writes the SVG of one's own strokes too.

const PICTURE_WIDTH = 1728;

/** `ask(form, speed)` has the server make a file; `fetched(session, form)` gets it. */
class Files {
  constructor(desk, base) {
    this.desk = desk;
    this.base = base;
  }

  want(form) {
    if (form === "png") this.savePicture();
    else if (this.desk.isAlone) this.saveDrawing();
    else {
      this.desk.told(say("file_making", { form: form.toUpperCase() }));
      this.desk.say({ kind: "export", form, speed: this.desk.time.replay.speed });
    }
  }

  fetched({ session, form }) {
    this.save(`${this.base}/codraw/file?session=${session}&form=${form}`, form);
    this.desk.told(say("file_ready", { form: form.toUpperCase() }));
  }

  savePicture() {
    this.desk.story.picture(PICTURE_WIDTH).toBlob((blob) => this.saveBlob(blob, "png"), "image/png");
  }

  saveDrawing() {
    this.saveBlob(new Blob([svgOf(this.desk.story)], { type: "image/svg+xml" }), "svg");
  }

  saveBlob(blob, form) {
    const address = URL.createObjectURL(blob);
    this.save(address, form);
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  }

  save(address, form) {
    Object.assign(document.createElement("a"), { href: address, download: `drawing.${form}` }).click();
  }
}

/** One's own strokes as an SVG: a line of one width where the pen was pressed evenly. */
function svgOf({ paper, pending }) {
  const size = `width="${paper.width}" height="${paper.height}" viewBox="0 0 ${paper.width} ${paper.height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size}>`,
    `<rect width="100%" height="100%" fill="${PAPER}"/>`,
    '<g id="you" fill="none" stroke-linecap="round" stroke-linejoin="round">',
    ...pending.map(svgPath),
    "</g></svg>",
  ].join("\n");
}

function svgPath(stroke) {
  const number = (value) => Number(value.toFixed(2));
  const color = stroke.erase ? PAPER : stroke.color;
  const runs = [];
  for (const [index, point] of stroke.points.entries()) {
    const width = number(widthAt(stroke, point));
    const run = runs[runs.length - 1];
    const place = `${number(point[0])} ${number(point[1])}`;
    if (run && Math.abs(run.width - width) < 0.1) run.places.push(place);
    else {
      const before = stroke.points[Math.max(0, index - 1)];
      runs.push({ width, places: [`${number(before[0])} ${number(before[1])}`, place] });
    }
  }
  const paths = runs.map(({ width, places }) => `<path d="M${places.join("L")}" stroke="${color}" stroke-width="${width}"/>`);
  return paths.join("");
}
