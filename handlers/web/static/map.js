// The map: an outline from a file of ours, no tiles, a circle a place as large as its number of events.
"use strict";

(() => {
  const holder = document.getElementById("map");
  if (!holder) return;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = L.map(holder, { preferCanvas: true, attributionControl: false, zoomControl: false, minZoom: 2, maxZoom: 14, zoomAnimation: !still, fadeAnimation: !still, maxBounds: [[-85, -200], [85, 200]] });
  L.control.zoom({ zoomInTitle: holder.dataset.in, zoomOutTitle: holder.dataset.out }).addTo(map);
  L.control.scale({ imperial: false, maxWidth: 160 }).addTo(map);
  map.setView([51, 10], 6);
  const read = (address) => fetch(address, { credentials: "same-origin" }).then((answer) => { if (!answer.ok) throw new Error(String(answer.status)); return answer.json(); });

  read(holder.dataset.outline).then((outline) => {
    L.geoJSON(outline, { interactive: false, style: { color: colour("--border"), weight: 1, fillColor: colour("--land"), fillOpacity: 1 } }).addTo(map).bringToBack();
    holder.dataset.outlined = String(outline.features.length);
  });

  const told = (place) => {
    const box = document.createElement("div");
    const link = document.createElement("a");
    if (place.n === 1) { link.href = holder.dataset.event + place.canonical_id; link.textContent = place.title; }
    else { link.href = `${holder.dataset.list}${holder.dataset.list.includes("?") ? "&" : "?"}spot=${place.latitude},${place.longitude}`; link.textContent = `${place.n} ${holder.dataset.many}`; }
    box.append(link);
    if (place.city) box.append(document.createElement("br"), place.city);
    return box;
  };

  const radius = (place) => 4 + 2.5 * Math.sqrt(place.n);
  read(holder.dataset.points).then((places) => {
    const towns = new Map();
    places.forEach((place) => {
      const at = [place.latitude, place.longitude];
      L.circleMarker(at, { radius: radius(place), color: colour("--card"), weight: 1.5, fillColor: colour("--accent"), fillOpacity: .75 }).bindPopup(() => told(place)).addTo(map);
      if (place.city) {
        const town = towns.get(place.city) || { n: 0, top: -90, radius: 0, longitude: 0 };
        town.n += place.n; town.longitude += place.n * place.longitude;
        if (place.latitude > town.top) { town.top = place.latitude; town.radius = radius(place); }
        towns.set(place.city, town);
      }
    });
    const named = [...towns].sort((one, other) => other[1].n - one[1].n).slice(0, 60);
    const labels = named.map(([name, town]) => L.tooltip({ permanent: true, direction: "center", className: "town", offset: [0, -town.radius - 10], interactive: false }).setLatLng([town.top, town.longitude / town.n]).setContent(document.createTextNode(name)));
    // A label that would lie over a greater town's is left out at this scale.
    const lay = () => {
      const taken = [];
      labels.forEach((label, at) => {
        const here = map.latLngToContainerPoint(label.getLatLng());
        const half = 4 * named[at][0].length + 4;
        const over = taken.some((other) => Math.abs(other.x - here.x) < half + other.half && Math.abs(other.y - here.y) < 15);
        if (over) label.remove();
        else { taken.push({ x: here.x, y: here.y, half }); if (!map.hasLayer(label)) label.addTo(map); }
      });
    };
    if (places.length) {
      // Most of the events, not the farthest: one place abroad must not shrink the region to a dot.
      const near = (values) => { const sorted = values.sort((one, other) => one - other); return [sorted[Math.floor(sorted.length * .1)], sorted[Math.ceil(sorted.length * .9) - 1]]; };
      const [south, north] = near(places.map((place) => place.latitude));
      const [west, east] = near(places.map((place) => place.longitude));
      map.fitBounds([[south, west], [north, east]], { padding: [40, 40], maxZoom: 10 });
    }
    lay();
    map.on("zoomend", lay);
    holder.dataset.ready = String(places.length);
  });
})();
