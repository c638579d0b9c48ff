// Questions to the server. A new question ends an older one of the same kind.

const open = new Map();

export async function ask(question, fields) {
  open.get(question)?.abort();
  const control = new AbortController();
  open.set(question, control);
  let response;
  try {
    response = await fetch(`/api/${question}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(fields),
      signal: control.signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is seqnn serve still running?");
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  return answer;
}

export async function about() {
  return (await fetch("/api/about")).json();
}

// Shows what a question brings: a sign that it is computed, then the answer or the error.
export async function fill(place, question, fields, draw) {
  place.setAttribute("aria-busy", "true");
  try {
    const answer = await ask(question, fields);
    place.replaceChildren(...[draw(answer)].flat());
  } catch (error) {
    if (error.name === "AbortError") return;
    const told = document.createElement("p");
    told.className = "error";
    told.setAttribute("role", "alert");
    told.textContent = error.message;
    place.replaceChildren(told);
  }
  place.removeAttribute("aria-busy");
}
