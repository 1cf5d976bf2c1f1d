// Sends the authorization response to the portal without a press of the button.
"use strict";

document.getElementById("form-post").requestSubmit();
