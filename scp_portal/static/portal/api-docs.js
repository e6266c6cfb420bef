"use strict";
// Shows the API's description with Swagger UI. No validator of another host, nothing stored in the browser.
document.addEventListener("DOMContentLoaded", () => {
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
