// The pages work without this. It does three things: a payment form is sent once, a job page
// that waits for its payment shows what has become of it without being reloaded, and a return from a wallet that could
// not be finished is tried again.
"use strict";

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", () => {
    const button = form.querySelector("button[type=submit]");
    button.setAttribute("aria-disabled", "true");
    button.textContent = form.dataset.once; // what the page says meanwhile, in its language
    form.addEventListener("submit", (again) => again.preventDefault());
  });
}
// Coming back with the browser's own button finds the form as it was left.
addEventListener("pageshow", (event) => {
  if (event.persisted && document.querySelector("form[data-once]")) location.reload();
});

const shortest = 1000, longest = 8000; // milliseconds between questions

async function follow(job, pause) {
  await new Promise((done) => setTimeout(done, pause));
  let next = Math.min(pause * 1.4, longest);
  try {
    const answer = await fetch(`/jobs/${job.dataset.job}/status`, { headers: { Accept: "application/json" } });
    if (answer.status === 401 || answer.status === 404) return;
    const now = await answer.json();
    if (answer.ok && now.revision !== job.dataset.revision) {
      job = await renew(job);
      next = shortest;
    }
  } catch {
    // The network is away; asking again is all there is to do.
  }
  if (job.dataset.pending) follow(job, next);
}

// renew takes the job from a fresh page, and says aloud how the payment stands.
async function renew(job) {
  const answer = await fetch(location.pathname);
  if (!answer.ok) return job;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("job");
  if (!fresh) return job;
  document.querySelector("[data-flash=confirming]")?.remove();
  const focused = job.contains(document.activeElement) ? document.activeElement.id : "";
  job.replaceWith(fresh);
  if (focused) document.getElementById(focused)?.focus();
  document.getElementById("announcer").textContent = document.getElementById("payment-status").textContent;
  return fresh;
}

const job = document.querySelector("#job[data-pending]");
if (job) follow(job, shortest);

const again = document.querySelector("a#again[data-after]");
if (again) setTimeout(() => location.replace(again.href), Number(again.dataset.after));
