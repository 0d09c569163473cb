// Passkeys (W3C Web Authentication): asks the browser, fills the answer into the form that was sent, sends it.
// What it is told stands in the form's data-… attributes; what it fills in is checked by the server.

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

// ES256, EdDSA, RS256: what the server checks.
const algorithms = [-7, -8, -257].map((alg) => ({ type: "public-key", alg }));

async function get({ challenge, host, allowed, verification }) {
  const allowCredentials = (allowed ?? "").split(",").filter(Boolean).map((id) => ({ type: "public-key", id: bytes(id) }));
  const publicKey = { challenge: bytes(challenge), rpId: host, allowCredentials, userVerification: verification };
  const { rawId, response } = await navigator.credentials.get({ publicKey });
  return {
    id: text(rawId),
    client_data: text(response.clientDataJSON),
    authenticator_data: text(response.authenticatorData),
    signature: text(response.signature),
  };
}

async function create({ challenge, host, user, login }) {
  const { response } = await navigator.credentials.create({
    publicKey: {
      challenge: bytes(challenge),
      rp: { id: host, name: "Poshta" },
      user: { id: bytes(user), name: login, displayName: login },
      pubKeyCredParams: algorithms,
      authenticatorSelection: { residentKey: "preferred", userVerification: "preferred" },
      attestation: "none",
    },
  });
  return { client_data: text(response.clientDataJSON), attestation: text(response.attestationObject) };
}

const asks = { get, create };

function fill(form, fields) {
  for (const [name, value] of Object.entries(fields)) {
    const input = form.querySelector(`input[name="${name}"]`) ?? form.appendChild(document.createElement("input"));
    Object.assign(input, { type: "hidden", name, value });
  }
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const failed = form.querySelector("[role=alert]");
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      failed.hidden = true;
      try {
        fill(form, await asks[form.dataset.passkey](form.dataset));
      } catch {
        // Given up, or there is no passkey here; the browser has said why.
        failed.hidden = false;
        return;
      }
      form.submit();
    });
  }
}
