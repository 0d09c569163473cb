// Signs with the key of whoever sits at this computer: speaks with NCALayer, which listens on the computer itself
// (module kz.gov.pki.knca.basics). Nothing of the key comes here, only the signature.

/** Why there is no signature: "missing", "cancelled", "closed" or "failed" with a reason of NCALayer. */
export class SignerError extends Error {
  constructor(kind, reason = "") {
    super(reason || kind);
    this.kind = kind;
    this.reason = reason;
  }
}

const CONNECT_MS = 10_000;

function connect(address) {
  return new Promise((resolve, reject) => {
    let socket;
    try {
      socket = new WebSocket(address);
    } catch {
      reject(new SignerError("missing"));
      return;
    }
    const timer = setTimeout(() => {
      socket.close();
      reject(new SignerError("missing"));
    }, CONNECT_MS);
    socket.addEventListener("open", () => {
      clearTimeout(timer);
      resolve(socket);
    });
    socket.addEventListener("error", () => {
      clearTimeout(timer);
      reject(new SignerError("missing"));
    });
  });
}

// The first thing that NCALayer says is which version it is, and that is no answer to a question.
function answerOf(message) {
  const answer = JSON.parse(message);
  return answer && typeof answer.status === "boolean" ? answer : null;
}

function ask(socket, request) {
  return new Promise((resolve, reject) => {
    socket.addEventListener("message", (event) => {
      try {
        const answer = answerOf(event.data);
        if (answer) {
          resolve(answer);
        }
      } catch {
        reject(new SignerError("failed", "JSON"));
      }
    });
    socket.addEventListener("close", () => reject(new SignerError("closed")));
    socket.send(JSON.stringify(request));
  });
}

/**
 * A CMS, base64, with the text inside it.
 *
 * @param {string} address wss://127.0.0.1:13579
 * @param {string} data the text that is signed, base64
 * @param {string} lang kk, ru or en
 * @param {string[]} purposes of the keys that may be chosen, by number; none for every key
 * @param {() => void} connected is called when NCALayer is there and waits for the person
 */
export async function sign(address, data, lang, purposes, connected) {
  const socket = await connect(address);
  try {
    connected();
    const answer = await ask(socket, {
      module: "kz.gov.pki.knca.basics",
      method: "sign",
      args: {
        allowedStorages: [],
        format: "cms",
        data,
        signingParams: { decode: true, encapsulate: true, digested: false, tsaProfile: null },
        signerParams: { extKeyUsageOids: purposes, chain: [] },
        locale: lang === "kk" ? "kz" : lang,
      },
    });
    if (!answer.status) {
      throw new SignerError("failed", `${answer.message ?? answer.code ?? ""} ${answer.details ?? ""}`.trim());
    }
    const result = answer.body && answer.body.result;
    const cms = Array.isArray(result) ? result[0] : result;
    if (!cms) {
      throw new SignerError("cancelled");
    }
    // It comes as PEM from some versions.
    return String(cms).replace(/-----(BEGIN|END) CMS-----/g, "").replace(/\s+/g, "");
  } finally {
    socket.close();
  }
}
