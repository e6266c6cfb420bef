"use strict";
// Shows the API's description with Swagger UI. No validator of another host, nothing stored in the browser.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);

document.addEventListener("DOMContentLoaded", () => {
  follow();
  dark.addEventListener("change", follow);
  const place = document.getElementById("swagger");
  window.SwaggerUIBundle({
    url: place.dataset.url,
    domNode: place,
    deepLinking: true,
    validatorUrl: null,
    persistAuthorization: false,
    supportedSubmitMethods: ["get", "put"],
  });
});
