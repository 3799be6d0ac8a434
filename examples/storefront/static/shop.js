// The basket is a number: what matters here is that the page says which product went into it.
const basket = document.querySelector("#basket");
const count = () => Number(localStorage.getItem("basket") ?? 0);
basket.value = count();

for (const button of document.querySelectorAll("[data-add]")) {
  button.addEventListener("click", () => {
    localStorage.setItem("basket", count() + 1);
    basket.value = count();
    document.querySelector(".said").textContent = "It is in your basket.";
    // Tells the service that a product which it found was bought; docs/embed.md.
    document.querySelector("lookalike-similar").addToCart?.(button.dataset.add);
  });
}

// One department is open at a time, and none when the shopper turns elsewhere.
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll(".department[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && document.querySelector(".department[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});
