// Several candidates rated blind, a hidden reference and an anchor among them (after ITU-R BS.1534-3).

const ANCHOR_HZ = 3500;

async function anchored() {
  const reference = player.buffers.get("reference");
  const offline = new OfflineAudioContext(reference.numberOfChannels, reference.length, reference.sampleRate);
  const source = new AudioBufferSourceNode(offline, { buffer: reference });
  let last = source;
  for (const Q of [-5.72, -3.01, 5.72]) { // dB: a Butterworth filter of the sixth order
    last = last.connect(new BiquadFilterNode(offline, { type: "lowpass", frequency: ANCHOR_HZ, Q }));
  }
  last.connect(offline.destination);
  source.start();
  player.buffers.set("anchor", await offline.startRendering());
  if (!player.track("anchor")) data.tracks.push({ ...player.track("reference"), id: "anchor", name: "Reference below 3.5 kHz" });
}

function ratings() {
  const section = $("ratings");
  if (!section || !data.main.includes("reference") || data.candidates.length < 2) return;
  section.hidden = false;
  let sounds = [];

  const rows = () => sounds.map((id, i) => {
    const row = document.createElement("li"), button = document.createElement("button");
    const slider = document.createElement("input"), value = document.createElement("output");
    Object.assign(button, { type: "button", textContent: `Sound ${i + 1}`, onclick: () => listen(id, button) });
    Object.assign(slider, { type: "range", min: 0, max: 100, value: 50, ariaLabel: `Rating of sound ${i + 1}` });
    value.textContent = "50";
    slider.oninput = () => (value.textContent = slider.value);
    row.append(button, slider, value);
    return row;
  });

  const listen = async (id, button) => {
    for (const other of section.querySelectorAll("button[aria-pressed]")) other.setAttribute("aria-pressed", false);
    button.setAttribute("aria-pressed", true);
    await hear(id).catch(failed);
  };

  $("rate-begin").addEventListener("click", async () => {
    try {
      await player.load([...data.main, ...data.candidates]);
      await anchored();
    } catch (error) {
      return failed(error);
    }
    sounds = shuffled([...data.candidates, "reference", ...(data.nyquist > ANCHOR_HZ ? ["anchor"] : [])]);
    hide(true);
    $("rate-rows").replaceChildren(...rows());
    $("rate-result").replaceChildren();
    for (const id of ["rate-rows", "rate-reference", "rate-end"]) $(id).hidden = false;
    $("rate-begin").hidden = $("rate-save").hidden = true;
  });
  $("rate-reference").addEventListener("click", () => listen("reference", $("rate-reference")));

  let result = null;
  $("rate-end").addEventListener("click", () => {
    const given = [...$("rate-rows").querySelectorAll("input")].map((slider, i) => ({
      sound: sounds[i], name: player.track(sounds[i]).name, rating: Number(slider.value),
    }));
    given.sort((a, b) => b.rating - a.rating);
    result = { kind: "ratings", ratings: given };
    const list = document.createElement("ol");
    for (const { name, rating, sound } of given) {
      const item = document.createElement("li");
      item.textContent = `${name}${sound === "reference" ? " (the hidden one)" : ""}: ${rating}`;
      list.append(item);
    }
    $("rate-result").replaceChildren(list);
    hide(false);
    for (const id of ["rate-rows", "rate-reference", "rate-end"]) $(id).hidden = true;
    $("rate-begin").hidden = $("rate-save").hidden = false;
  });
  $("rate-save").addEventListener("click", () => save("ratings.json", result));
}

ratings();
