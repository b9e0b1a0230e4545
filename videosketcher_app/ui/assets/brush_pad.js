// A sheet to paint a stroke on with mouse, finger or pen; pressure makes it wider.

const sheet = element.querySelector("canvas");
const paper = sheet.getContext("2d");
const told = element.querySelector(".bp-told");
let last = null;
let isBlank = true;

function clear() {
  paper.fillStyle = "#ffffff";
  paper.fillRect(0, 0, sheet.width, sheet.height);
  isBlank = true;
}

function at(event) {
  const box = sheet.getBoundingClientRect();
  const pressure = event.pointerType === "pen" ? 0.35 + 0.65 * event.pressure : 1;
  const width = Number(element.querySelector(".bp-width").value) * pressure;
  const scale = sheet.width / box.width;
  return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale, width };
}

function lineTo(point) {
  paper.strokeStyle = element.querySelector(".bp-color").value;
  paper.lineCap = "round";
  paper.lineJoin = "round";
  paper.lineWidth = point.width;
  paper.beginPath();
  paper.moveTo(last.x, last.y);
  paper.lineTo(point.x, point.y);
  paper.stroke();
  last = point;
  isBlank = false;
}

sheet.addEventListener("pointerdown", (event) => {
  sheet.setPointerCapture(event.pointerId);
  last = at(event);
  lineTo(last);
});
sheet.addEventListener("pointermove", (event) => {
  if (!last) return;
  for (const step of event.getCoalescedEvents?.() ?? [event]) lineTo(at(step));
});
for (const name of ["pointerup", "pointercancel"]) sheet.addEventListener(name, () => { last = null; });

async function use() {
  if (isBlank) {
    told.textContent = TEXT.pad_blank;
    return;
  }
  told.textContent = TEXT.looking;
  try {
    const picture = await new Promise((done) => sheet.toBlob(done, "image/png"));
    const { path } = await upload(new File([picture], "stroke.png", { type: "image/png" }));
    trigger("painted", { path });
    told.textContent = "";
  } catch {
    told.textContent = TEXT.pad_failed;
  }
}

element.querySelector("[data-do=clear]").addEventListener("click", clear);
element.querySelector("[data-do=use]").addEventListener("click", use);
clear();
