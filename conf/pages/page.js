// What makes a page smoother; without it everything works all the same.

// An answer that was lost is sent again by the person: one press is one request, as long as it is under way.
addEventListener("submit", event => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "1";
});
addEventListener("pageshow", () => document.querySelectorAll("form").forEach(form => delete form.dataset.sent));

// Who came back from a bank leaves the token of the last page behind: it stands in no history.
if (location.search.includes("temp_token=")) history.replaceState(null, "", location.pathname);
