// The list of jobs, page by page.
"use strict";

const page = document.querySelector("#jobs-page");
const root = page.dataset.root;
const asked = { status: "", text: "", before: "" };
let after = null;

const tell = (id, text) => (document.getElementById(id).textContent = text);

function playLink(job) {
  return job.is_playable
    ? make("a", { text: "Play", href: `${root}/${job.job_id}/play/`, class: "btn btn-sm btn-outline-primary" })
    : null;
}

function actions(job) {
  const common = { root, job: job.job_id, done: refresh };
  return make("div", { class: "jobs-actions" }, playLink(job), ...actionButtons(job, common, "btn-outline"));
}

/** Why the job ended, or why it runs where it does: because of a further lane of its own, or of the last decision. */
function why(job, decision) {
  if (job.reason || !job.is_open || !decision) return job.reason;
  const assist = (decision.assists ?? []).find((one) => one.job_id === job.job_id);
  return (assist ?? decision).reason;
}

function row(job, decision) {
  const progress = job.percent === null ? null : bar(job.percent, job.is_open);
  const parts = [
    job.percent === null ? "" : `${job.percent} %`,
    job.units ? `${job.units_done} of ${job.units} units` : "",
    job.fps ? `${Math.round(job.fps)} fps` : "",
  ];
  return make(
    "tr",
    { id: job.job_id },
    make(
      "td",
      {},
      make("a", { text: job.name, title: job.source, href: `${root}/${job.job_id}`, class: "source" }),
      make("span", { text: `${job.job_id} · ${job.profile}`, class: "subtle" }),
    ),
    make("td", {}, badge(job.status), job.is_open && job.is_bumped ? make("span", { text: "bumped", class: "subtle" }) : null),
    make("td", {}, progress, make("span", { text: parts.filter(Boolean).join(" · "), class: "subtle" })),
    make("td", { text: job.is_open ? duration(job.eta_s) : "", class: job.is_late ? "is-late" : "" }),
    make("td", { text: job.worker_classes.join(", ") }),
    make("td", { text: usd(job.usd) }),
    make("td", { text: instant(job.submitted_at), class: "subtle" }),
    make("td", { text: why(job, decision), class: "why subtle" }),
    make("td", {}, actions(job)),
  );
}

function showSummary(told) {
  tell("waiting", told.waiting);
  tell("running", told.running);
  tell("dead", told.dead);
  const slots = told.workers.reduce((sum, worker) => sum + worker.slots, 0);
  const busy = told.workers.reduce((sum, worker) => sum + worker.busy, 0);
  tell("slots", `${busy} of ${slots}`);
  const living = ["jetson", "aws"].map(
    (name) => `${told.workers.filter((worker) => worker.worker_class === name).length} ${name}`,
  );
  const decision = told.decision
    ? `Autoscaler: ${told.decision.desired} AWS wanted, because ${told.decision.reason}.`
    : "The autoscaler has decided nothing yet.";
  tell("decision", `Workers: ${living.join(", ")}. Jobs: ${told.queued} queued. ${decision}`);
}

async function show() {
  const query = new URLSearchParams(asked);
  const [listing, summary] = await Promise.all([ask(`${root}/data?${query}`), ask(`${root}/summary`)]);
  after = listing.after;
  const rows = listing.jobs.map((job) => row(job, summary.decision));
  const none = make("tr", {}, make("td", { text: "No jobs.", class: "empty-table-message", colspan: 9 }));
  document.querySelector("#jobs").replaceChildren(...(rows.length ? rows : [none]));
  document.querySelector("#next").disabled = after === null;
  document.querySelector("#first").disabled = asked.before === "";
  showSummary(summary);
}

function go(change) {
  Object.assign(asked, { before: "" }, change);
  refresh();
}

for (const button of document.querySelectorAll("[data-status]")) {
  button.addEventListener("click", () => {
    document.querySelector("[data-status].active").classList.remove("active");
    button.classList.add("active");
    go({ status: button.dataset.status });
  });
}
document.querySelector("#filter").addEventListener("submit", (event) => event.preventDefault());
document.querySelector("#text").addEventListener("change", (event) => go({ text: event.target.value.trim() }));
document.querySelector("#next").addEventListener("click", () => go({ before: after }));
document.querySelector("#first").addEventListener("click", () => go({}));

const refresh = keepShowing(show, (isLive, text) => {
  document.querySelector("#live-dot").className = `status-dot ${isLive ? "status-dot-live" : "status-dot-error"}`;
  tell("live-text", text);
});
