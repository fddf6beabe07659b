#!/usr/bin/env bash
# Looks at reports with headless Chromium, as a phone and as a desktop, by day and by night: they render, write nothing to the console, do not
# scroll sideways, and show the numbers they hold. The pictures stay in OUT.
#
# usage: report_browser.sh ABLATE ABLATE_TESTS OUT       exit code 77: skipped, there is no Chromium
set -euo pipefail
ablate=$1 tests=$2 out=$3

browser=
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" > /dev/null; then browser=$name && break; fi
done
if [ -z "$browser" ]; then
  echo "SKIPPED report_browser: no Chromium (Debian package chromium)"
  exit 77
fi
flags=(--headless --disable-gpu --hide-scrollbars --enable-logging=stderr --user-data-dir="$out/profile" --virtual-time-budget=4000)
if [ "$(id -u)" = 0 ]; then flags+=(--no-sandbox); fi

rm -rf "$out"
mkdir -p "$out"
ABLATE_SAMPLE_FOLDER=$out/runs "$tests" --test-case="sample run folders for a browser" > /dev/null
"$ablate" report "$out/runs/full/normalization" --out "$out/full.html"
"$ablate" report "$out/runs/interrupted/normalization" --out "$out/interrupted.html"
"$ablate" report "$out/runs/full/normalization" "$out/runs/again/normalization" --out "$out/compared.html"

# A desktop browser's window is never as narrow as a phone's, so the page is shown in a frame of the phone's width. What the page finds about
# itself is written into the frame's document, which Chromium prints.
examine='
<script>addEventListener("load", () => {
  const problems = [], page = document.documentElement;
  if (page.scrollWidth > innerWidth) problems.push("scrolls sideways: " + page.scrollWidth + " > " + innerWidth);
  const cells = [...document.querySelectorAll(".sweep data")];
  if (cells.length < 24) problems.push("only " + cells.length + " numbers in the table");
  for (const cell of cells) {
    const shown = Number(cell.textContent.replace(/\u202f/g, "").replace("\u2212", "-")), exact = Number(cell.value);
    if (!(Math.abs(shown - exact) <= Math.max(0.051, 0.006 * Math.abs(exact)))) problems.push("shows " + cell.textContent + " for " + cell.value);
    if (cell.getBoundingClientRect().width < 5) problems.push(cell.value + " is not visible");
  }
  for (const plot of document.querySelectorAll("main .plot"))
    if (plot.getBoundingClientRect().width > innerWidth) problems.push("a chart is wider than the page");
  document.querySelectorAll(".legend button").forEach((button, i) => { if (i < 2) button.click(); });
  if (document.querySelectorAll(".legend button").length && !document.querySelector(".plot .faded")) problems.push("the legend does nothing");
  document.querySelectorAll(".legend button").forEach((button, i) => { if (i < 2) button.click(); });
  parent.postMessage({problems, height: page.scrollHeight, scheme: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"}, "*");
});</script>'

failures=0
complain() {
  echo "FAILED $*"
  failures=$((failures + 1))
}

look() {  # page width scheme
  local page=$1 width=$2 scheme=$3 frame=$out/frame.html dom=$out/dom.html picture=$out/$1-$2-$3.png
  local blink=--blink-settings=preferredColorScheme=1
  if [ "$scheme" = dark ]; then blink=--blink-settings=preferredColorScheme=0; fi
  { cat "$out/$page.html" && echo "$examine"; } > "$out/examined.html"
  cat > "$frame" << END
<!doctype html><body style="margin:0"><iframe src="examined.html" width="$width" height="900" style="border:0;display:block"></iframe>
<script>addEventListener("message", e => { document.title = e.data.scheme + " " + e.data.height + " " + ([...new Set(e.data.problems)].join("; ") || "fine"); });</script>
END
  "$browser" "${flags[@]}" "$blink" --window-size=1280,900 --dump-dom "file://$frame" > "$dom" 2> "$out/log.txt" || complain "$page: Chromium stopped, see $out/log.txt"
  local found
  found=$(sed -n 's:.*<title>\(.*\)</title>.*:\1:p' "$dom" | head -n 1)
  if grep CONSOLE "$out/log.txt"; then complain "$page $width $scheme: wrote to the console"; fi
  case $found in
    "$scheme "*" fine") ;;
    *) complain "$page $width $scheme: ${found:-did not load}" ;;
  esac
  local height
  height=$(echo "$found" | cut -d' ' -f2)
  sed -i "s/height=\"900\"/height=\"${height:-900}\"/; s/examined.html/$page.html/" "$frame"
  "$browser" "${flags[@]}" "$blink" --window-size="$width,${height:-900}" --screenshot="$picture" "file://$frame" 2> /dev/null || true
  if [ ! -s "$picture" ]; then complain "$page $width $scheme: no picture"; fi
}

for page in full interrupted compared; do
  for width in 390 1280; do look "$page" "$width" light; done
done
look full 390 dark
look full 1280 dark
rm -rf "$out/profile"
echo "$failures failures; the pictures are in $out"
[ "$failures" = 0 ]
