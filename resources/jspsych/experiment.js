// Runs the trials of plan.js with jsPsych, from a folder opened as a file; no server, nothing fetched from elsewhere.
// Every trial is timed from the start of the run, so that late frames never add up.
"use strict";

const { settings, participants } = PLAN;
const byId = (id) => document.getElementById(id);
const asKey = (name) => (name === "space" ? " " : name);
const twoDigits = (number) => String(number).padStart(2, "0");
const enter = (stage) => { document.body.dataset.stage = stage; };

const fixation = byId("fixation");
const level = Math.round(255 * settings.grey);
document.documentElement.style.setProperty("--grey", `rgb(${level}, ${level}, ${level})`);

function fillForm() {
  const asked = new URLSearchParams(window.location.search);
  document.title = settings.name;
  byId("name").textContent = settings.name;
  byId("instructions").textContent = settings.instructions;
  for (const [id, count] of [["participant", settings.participants], ["run", settings.runs]]) {
    for (let number = 1; number <= count; number += 1) byId(id).add(new Option(String(number), String(number)));
    if (Number(asked.get(id)) >= 1 && Number(asked.get(id)) <= count) byId(id).value = asked.get(id);
  }
  for (const id of ["participant", "run"]) byId(id).addEventListener("change", tellFacts);
  tellFacts();
}

function chosen() {
  return { participant: Number(byId("participant").value), run: Number(byId("run").value) };
}

function tellFacts() {
  const { participant, run } = chosen();
  const trials = participants[participant - 1][run - 1];
  const minutes = (trialEnd(trials[trials.length - 1]) + settings.lead_out_seconds) / 60;
  byId("facts").textContent = `${trials.length} trials, ${minutes.toFixed(1)} minutes. Escape stops the run.`;
}

function trialEnd(trial) {
  return trial.onset + settings.stimulus_seconds + settings.gap_seconds;
}

function startRun(participant, run) {
  const trials = participants[participant - 1][run - 1];
  const jsPsych = initJsPsych({ display_element: "stage", on_finish: () => endRun(jsPsych, participant, run) });
  const stop = (event) => { if (event.key === "Escape") jsPsych.abortExperiment(); };
  document.addEventListener("keydown", stop);
  window.onbeforeunload = (event) => event.preventDefault();
  jsPsych.data.addProperties({ participant, run });
  let begun = 0;
  const now = () => (performance.now() - begun) / 1000;
  const msUntil = (seconds) => Math.max(0, 1000 * (seconds - now()));
  enter("waiting");
  jsPsych.run([
    preloadTrial(trials),
    triggerTrial(() => { begun = performance.now(); enter("running"); }),
    pause(() => msUntil(trials[0].onset)),
    ...trials.map((trial) => showTrial(jsPsych, trial, { now, msUntil })),
    pause(() => msUntil(trialEnd(trials[trials.length - 1]) + settings.lead_out_seconds)),
  ]).finally(() => {
    document.removeEventListener("keydown", stop);
    window.onbeforeunload = null;
  });
}

function preloadTrial(trials) {
  return {
    type: jsPsychPreload,
    images: [...new Set(trials.map((trial) => trial.image_file).filter(Boolean))],
    message: "Loading the pictures…",
    error_message: "A picture could not be loaded. Copy the whole folder again, with its folder stimuli.",
    continue_after_error: false,
    data: { part: "preload" },
  };
}

function triggerTrial(begin) {
  const key = settings.trigger_key === "space" ? "the space bar" : settings.trigger_key;
  const text = document.createElement("p");
  text.textContent = settings.instructions;
  return {
    type: jsPsychHtmlKeyboardResponse,
    stimulus: `${text.outerHTML}<p>The run starts with ${key}.</p>`,
    choices: [asKey(settings.trigger_key)],
    on_finish: begin,
    data: { part: "trigger" },
  };
}

function pause(duration) {
  return {
    type: jsPsychHtmlKeyboardResponse,
    stimulus: "",
    choices: "NO_KEYS",
    trial_duration: duration,
    response_ends_trial: false,
    data: { part: "pause" },
  };
}

function showTrial(jsPsych, trial, { now, msUntil }) {
  const common = {
    choices: [asKey(settings.response_key)],
    response_ends_trial: false,
    trial_duration: () => msUntil(trialEnd(trial)),
    data: { part: "trial", ...trial },
    on_finish: (data) => {
      data.correct = (data.response !== null) === Boolean(trial.is_catch);
      data.response ??= "";  // jsPsych would write the word null
      data.rt ??= "";
      delete data.rt_key_duration;
    },
  };
  const noteOnset = () => { jsPsych.getCurrentTrial().data.real_onset = Number(now().toFixed(4)); };
  if (trial.image_file === "") {
    const dot = Boolean(trial.is_catch);
    return {
      ...common,
      type: jsPsychHtmlKeyboardResponse,
      stimulus: "",
      on_load: () => {
        noteOnset();
        if (!dot) return;
        fixation.classList.add("dot");
        jsPsych.pluginAPI.setTimeout(() => fixation.classList.remove("dot"), msUntil(trial.onset + trial.duration));
      },
      on_finish: (data) => { fixation.classList.remove("dot"); common.on_finish(data); },
    };
  }
  return {
    ...common,
    type: jsPsychImageKeyboardResponse,
    stimulus: trial.image_file,
    render_on_canvas: false,
    stimulus_duration: () => msUntil(trial.onset + trial.duration),
    on_load: () => {
      place(document.querySelector("#stage img"), trial);
      noteOnset();
    },
  };
}

// Gives a picture its size in pixels of the screen, whatever the zoom, and puts it on whole ones: half a pixel aside, it
// would be smoothed, and with it the perturbation.
function place(image, trial) {
  const ratio = window.devicePixelRatio;
  image.style.width = `${Math.round(settings.picture_width_px * trial.width_ratio) / ratio}px`;
  image.style.height = `${Math.round(settings.picture_width_px * trial.height_ratio) / ratio}px`;
  const box = image.getBoundingClientRect();
  image.style.position = "relative";
  image.style.left = `${Math.round(box.left * ratio) / ratio - box.left}px`;
  image.style.top = `${Math.round(box.top * ratio) / ratio - box.top}px`;
}

function endRun(jsPsych, participant, run) {
  const left = jsPsych.data.getInteractionData().filter({ event: "blur" }).count();
  const data = jsPsych.data.get().filter({ part: "trial" });
  data.addToAll({ left_page: left });
  const name = `sub-${twoDigits(participant)}_task-probe_run-${twoDigits(run)}`;
  const planned = participants[participant - 1][run - 1].length;
  const catches = data.filter({ is_catch: 1 });
  const caught = catches.filter({ correct: true }).count();
  const wrong = data.filter({ is_catch: 0, correct: false }).count();
  if (document.fullscreenElement) document.exitFullscreen();
  byId("verdict").textContent = data.count() === planned ? "The run is over. Thank you." : "The run was stopped.";
  byId("summary").textContent =
    `${data.count()} of ${planned} trials shown; ${caught} of ${catches.count()} catch trials seen; ` +
    `${wrong} presses at other trials.`;
  byId("save-csv").onclick = () => data.localSave("csv", `${name}.csv`);
  byId("save-json").onclick = () => data.localSave("json", `${name}.json`);
  enter("done");
  data.localSave("csv", `${name}.csv`);
}

byId("start").addEventListener("submit", (event) => {
  event.preventDefault();
  const { participant, run } = chosen();
  const wish = byId("fullscreen").checked ? document.documentElement.requestFullscreen() : Promise.resolve();
  wish.catch(() => undefined).then(() => startRun(participant, run));
});
byId("again").addEventListener("click", () => { byId("stage").replaceChildren(); enter("start"); });
fillForm();
