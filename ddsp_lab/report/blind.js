// ABX: is there a difference that can be heard?

// The chance of so many right answers, or more, by guessing: the upper tail of a binomial distribution with p = 1/2.
function chance(right, trials) {
  let tail = 0, ways = 1;
  for (let k = 0; k <= trials; k++) {
    if (k >= right) tail += ways;
    ways = (ways * (trials - k)) / (k + 1);
  }
  return tail / 2 ** trials;
}

function abx() {
  const section = $("abx"), ids = data.main;
  if (!section || ids.length < 2) return;
  section.hidden = false;
  for (const [side, first] of [["a", "reference"], ["b", "fit"]]) {
    for (const id of [...ids, ...data.candidates]) $(`abx-${side}`).append(new Option(player.track(id).name, id));
    if (ids.includes(first)) $(`abx-${side}`).value = first;
  }
  let test = null;

  const draw = () => {
    test.x = below(2) ? "a" : "b";
    test.since = performance.now();
    $("abx-progress").textContent = `Trial ${test.trials.length + 1} of ${test.count}`;
    for (const button of section.querySelectorAll("[data-heard]")) button.setAttribute("aria-pressed", false);
  };

  const end = () => {
    const { trials } = test, right = trials.filter((t) => t.x === t.answer).length, p = chance(right, trials.length);
    hide(false);
    $("abx-run").hidden = true;
    $("abx-setup").hidden = false;
    $("abx-result").hidden = trials.length === 0;
    const verdict = p < 0.05 ? "The two can be told apart." : "That may well be chance.";
    $("abx-said").textContent = `${right} of ${trials.length} right, p = ${p.toPrecision(2)}. ${verdict}`;
    const { a, b, count } = test;
    test.result = { kind: "abx", a, b, planned_trials: count, trials, right, p };
  };

  const listen = async (which) => {
    if (!test?.since) return;
    for (const button of section.querySelectorAll("[data-heard]"))
      button.setAttribute("aria-pressed", button.dataset.heard === which);
    await hear(test[which === "x" ? test.x : which]);
  };

  $("abx-setup").addEventListener("submit", async (event) => {
    event.preventDefault();
    const [a, b] = [$("abx-a").value, $("abx-b").value];
    if (a === b) return say("Choose two different sounds for A and B.");
    test = { a, b, count: Number($("abx-count").value), trials: [] };
    await player.load([a, b]).catch(failed);
    hide(true);
    $("abx-setup").hidden = $("abx-result").hidden = true;
    $("abx-run").hidden = false;
    draw();
    await listen("x");
  });
  section.addEventListener("click", (event) => {
    const { heard, answer } = event.target.dataset;
    if (heard) listen(heard);
    if (!answer) return;
    test.trials.push({ x: test.x, answer, seconds: Math.round(performance.now() - test.since) / 1000 });
    if (test.trials.length === test.count) return end();
    draw();
    listen("x");
  });
  $("abx-stop").addEventListener("click", end);
  $("abx-save").addEventListener("click", () => save("abx.json", test.result));
  addEventListener("keydown", (event) => {
    if (!$("abx-run").hidden && ["a", "b", "x"].includes(event.key.toLowerCase())) listen(event.key.toLowerCase());
  });
}

abx();
