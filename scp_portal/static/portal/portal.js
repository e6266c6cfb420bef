"use strict";
/* Small helps. Every page works without this file. */

/** Words of the theme button follow the theme that Django's own theme.js has set. */
function nameTheme() {
  for (const button of document.querySelectorAll(".theme-toggle")) {
    const theme = document.documentElement.dataset.theme || "auto";
    button.textContent = button.dataset[theme] || button.textContent;
  }
}

/** Buttons with data-copy put the text of the named element on the clipboard and say so. */
async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  if (!source || !navigator.clipboard) return;
  await navigator.clipboard.writeText(source.textContent.trim());
  const told = document.getElementById(button.dataset.told);
  if (told) told.textContent = button.dataset.done;
}

/** "/" goes to the search field; no key decides anything. */
function onKey(event) {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const search = document.querySelector("input[type=search]");
  if (search) {
    event.preventDefault();
    search.focus();
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
  if (event.target.closest(".theme-toggle")) setTimeout(nameTheme);
});
document.addEventListener("keydown", onKey);
nameTheme();
for (const button of document.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
document.querySelector(".error-summary")?.focus();
