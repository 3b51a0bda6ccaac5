// The page about the player: buttons, keys, lanes, cursor.

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const player = new Player(data);
const choices = [...data.main, ...(data.difference ? ["difference"] : [])];
const tracks = [...document.querySelectorAll("[data-track]")];
let blind = false; // while a test runs nothing shows what is heard
player.choice = choices.includes("fit") ? "fit" : choices[0];

const clock = (s) => `${Math.floor(s / 60)}:${(s % 60).toFixed(1).padStart(4, "0")}`;
const say = (text) => ($("said").textContent = text);

function failed(error) {
  say(`This browser cannot play the sounds: ${error.message || error}`);
}

function show() {
  for (const element of tracks) {
    const pressed = !blind && element.dataset.track === player.choice;
    element.setAttribute("aria-pressed", pressed);
    if (element.matches("button")) element.disabled = blind;
  }
  for (const lane of document.querySelectorAll("[data-lane]"))
    lane.classList.toggle("heard", !blind && lane.dataset.lane === player.choice);
  $("play").classList.toggle("on", player.playing);
  $("play").setAttribute("aria-label", player.playing ? "Pause" : "Play");
  $("match").checked = player.matched;
  $("match").disabled = blind;
  $("boost").checked = player.boosted;
  $("region").hidden = $("unloop").hidden = player.loop === null;
  if (player.loop) {
    $("region").style.left = `${(100 * player.loop[0]) / data.seconds}%`;
    $("region").style.width = `${(100 * (player.loop[1] - player.loop[0])) / data.seconds}%`;
  }
  move();
}

function move() {
  const at = player.position;
  $("cursor").style.left = `${(100 * at) / data.seconds}%`;
  $("time").textContent = `${clock(data.start + at)} / ${clock(data.start + data.seconds)}`;
  $("seek").value = (1000 * at) / data.seconds;
  $("seek").setAttribute("aria-valuetext", clock(data.start + at));
  if (player.playing && !move.waiting) {
    move.waiting = true;
    requestAnimationFrame(() => { move.waiting = false; move(); });
  }
}

const toggle = () => (player.playing ? player.pause() : player.play().catch(failed));
const choose = (id) => !blind && player.select(id).catch(failed);

player.heard = show;
$("play").addEventListener("click", toggle);
$("unloop").addEventListener("click", () => player.setLoop(null));
$("seek").addEventListener("input", () => player.seek(($("seek").value / 1000) * data.seconds));
$("match").addEventListener("change", () => { player.matched = $("match").checked; player.mix(); });
$("boost").addEventListener("change", () => { player.boosted = $("boost").checked; player.mix(); });
if (data.boost >= 3) {
  $("boosted").hidden = false;
  $("boosted").querySelector("span").textContent = `Difference ${Math.round(data.boost)} dB louder`;
}
for (const element of tracks) {
  element.addEventListener("click", () => choose(element.dataset.track));
  if (!element.matches("button"))
    element.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(element.dataset.track); }
    });
}

// --- lanes: a click moves, a drag loops

const lanes = $("lanes");
const timeAt = (event) => {
  const box = lanes.getBoundingClientRect();
  return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * data.seconds;
};
let drag = null;
lanes.addEventListener("pointerdown", (event) => {
  if (event.button === 0) drag = { x: event.clientX, at: timeAt(event), moved: false };
});
addEventListener("pointermove", (event) => {
  if (!drag || (!drag.moved && Math.abs(event.clientX - drag.x) < 6)) return;
  drag.moved = true;
  const [a, b] = [drag.at, timeAt(event)].sort((x, y) => x - y);
  $("region").hidden = false;
  $("region").style.left = `${(100 * a) / data.seconds}%`;
  $("region").style.width = `${(100 * (b - a)) / data.seconds}%`;
});
addEventListener("pointerup", (event) => {
  if (!drag) return;
  const { at, moved } = drag;
  drag = null;
  if (moved) player.setLoop(at, timeAt(event));
  else player.seek(at);
});
addEventListener("pointercancel", () => { drag = null; show(); });

// --- keys

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const on = event.target, typed = on.matches("select, textarea, input[type=text]");
  const own = on.matches("button, summary, a, select, input, [role=button]");
  const key = event.key.toLowerCase();
  const act = {
    " ": () => !own && toggle(),
    arrowleft: () => !on.matches("input[type=range], select") && player.seek(player.position - 1),
    arrowright: () => !on.matches("input[type=range], select") && player.seek(player.position + 1),
    "[": () => player.setLoop(player.position, player.loop?.[1] > player.position ? player.loop[1] : data.seconds),
    "]": () => player.setLoop(player.loop?.[0] ?? 0, player.position),
    escape: () => player.setLoop(null),
    m: () => { if (!blind) { player.matched = !player.matched; player.mix(); } },
  }[key] ?? (choices[key - 1] && (() => choose(choices[key - 1])));
  if (act && !typed && act() !== false) event.preventDefault();
});

addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => (d.open = true)));

// --- what both tests need

const below = (n) => Math.floor((crypto.getRandomValues(new Uint32Array(1))[0] / 2 ** 32) * n);

function shuffled(list) {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [copy[i], copy[j]] = [copy[j], copy[i]];
  }
  return copy;
}

// Begin or end a test: levels match, and the sound goes round, over the loop where there is one.
let loop = null;
function hide(on) {
  blind = on;
  if (on) [player.matched, loop] = [true, player.loop];
  player.setLoop(...(loop ?? (on ? [0, data.seconds] : [null]))).catch(failed);
  player.mix();
}

async function hear(id) {
  await player.select(id);
  if (!player.playing) await player.play();
}

function save(name, content) {
  const about = { report: data.name, preset_sha256: data.preset, when: new Date().toISOString() };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify({ ...about, ...content }, null, 2)], { type: "application/json" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

globalThis.listening = { player, data };
show();
