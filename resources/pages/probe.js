"use strict";
/* Draws a probe's page: a turnable cortex (parallel projection, z-buffer, typed arrays), the images of every step,
   and the predicted shift of every ROI. Needs no network and no library. */
(async () => {
  const find = (id) => document.getElementById(id);
  const data = JSON.parse(find("data").textContent);
  const kinds = { float32: Float32Array, float64: Float64Array, int32: Int32Array, int16: Int16Array, uint8: Uint8Array };
  const packed = Uint8Array.from(atob(find("arrays").textContent.trim()), (letter) => letter.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(unpacked).arrayBuffer();
  const read = (name) => {
    const { type, shape, offset } = data.arrays[name];
    const found = new kinds[type](buffer, offset, shape.reduce((all, one) => all * one, 1));
    found.shape = shape;
    return found;
  };
  const write = (value, digits = 2) => {
    if (!Number.isFinite(value)) return "–";
    const text = (value > 0 ? "+" : "") + value.toPrecision(digits + 1);
    return text.replace("-", "\u2212");
  };
  const nPositions = data.steps.length;
  let position = nPositions - 1;

  /* ---------- images ---------- */
  const images = data.images;
  const pictures = images && read(images.pictures);
  const delta = images && read(images.delta);
  if (images) {
    const size = pictures.length / pictures.shape[0];
    for (let index = size; index < pictures.length; index++) pictures[index] += pictures[index % size]; // modulo 256
  }
  const paint = (id, level) => {
    const canvas = find(id), [, height, width] = pictures.shape;
    canvas.width = width;
    canvas.height = height;
    const pen = canvas.getContext("2d"), drawn = pen.createImageData(width, height);
    for (let pixel = 0; pixel < width * height; pixel++) {
      for (let channel = 0; channel < 3; channel++) drawn.data[4 * pixel + channel] = level(3 * pixel + channel);
      drawn.data[4 * pixel + 3] = 255;
    }
    pen.putImageData(drawn, 0, 0);
  };
  const showImages = () => {
    if (!images) return;
    const size = pictures.length / pictures.shape[0], start = position * size, gain = Number(find("gain").value);
    const isLast = position === nPositions - 1;
    const change = (index) => (isLast ? delta[index] / images.parts : pictures[start + index] - pictures[index]);
    paint("perturbed", (index) => pictures[start + index]);
    paint("difference", (index) => Math.round(127.5 + gain * change(index)));
    find("exact").textContent = isLast
      ? "Difference: of the delivered pixels, to 1/" + images.parts + " of a grey level."
      : "Difference: of the step's picture in 8 bits; what is smaller than half a grey level is not seen.";
  };

  /* ---------- cortex ---------- */
  const cortex = data.cortex;
  const dimmed = cortex && read(cortex.dimmed);
  const responses = cortex && read(cortex.responses);
  const sd = cortex && read(cortex.reference_sd);
  const meshes = cortex ? cortex.meshes.map((one) => Object.fromEntries(Object.entries(one).map(([k, n]) => [k, read(n)]))) : [];
  let map = cortex ? cortex.maps[0] : null;
  const levels = cortex ? cortex.maps.filter((one) => ["clean", "perturbed"].includes(one.name)) : [];
  for (const one of levels) {
    one.limit = Math.max(...levels.map(({ limit }) => limit)); // one range, so that the two can be compared
    one.lowest = -one.limit;
  }
  const valueOf = (voxel) => {
    if (!map.table || voxel < 0) return NaN;
    if (map.values) return read(map.values)[voxel];
    const n = responses.shape[1], now = responses[position * n + voxel], clean = responses[voxel];
    if (map.name === "clean") return clean;
    if (map.name === "perturbed") return now;
    return sd[voxel] === 0 ? 0 : (now - clean) / sd[voxel];
  };
  const coverOf = (size) => (map.fade > 0 ? Math.min(1, size / (map.fade * map.limit)) : 1);
  const colourMesh = (mesh) => {
    const n = mesh.voxels.length, rgb = new Uint8Array(3 * n), table = map.table && read(map.table);
    for (let vertex = 0; vertex < n; vertex++) {
      const voxel = mesh.voxels[vertex], value = valueOf(voxel);
      if (!map.table) {
        for (let c = 0; c < 3; c++) rgb[3 * vertex + c] = mesh.colours[4 * vertex + c];
        continue;
      }
      const size = map.lowest < 0 ? Math.abs(value) : value;
      const shown = Number.isFinite(value) && (size >= map.threshold || map.threshold <= 0);
      const place = Math.fround(Math.fround(value / map.limit + (map.lowest < 0 ? 1 : 0)) / (map.lowest < 0 ? 2 : 1));
      const row = Math.min(255, Math.max(0, Math.trunc(place * 256)));
      const at = 4 * (256 * (voxel >= 0 ? dimmed[voxel] : 0) + row);
      for (let c = 0; c < 3; c++) {
        const under = mesh.underlay[3 * vertex + c];
        rgb[3 * vertex + c] = shown ? Math.round(under + coverOf(size) * table[at + 3] * (table[at + c] - under)) : under;
      }
    }
    return rgb;
  };
  const normalsOf = ({ points, faces }) => {
    const normals = new Float32Array(points.length);
    for (let f = 0; f < faces.length; f += 3) {
      const [a, b, c] = [3 * faces[f], 3 * faces[f + 1], 3 * faces[f + 2]];
      const u = [0, 1, 2].map((k) => points[b + k] - points[a + k]), v = [0, 1, 2].map((k) => points[c + k] - points[a + k]);
      const n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
      for (const corner of [a, b, c]) for (let k = 0; k < 3; k++) normals[corner + k] += n[k];
    }
    for (let i = 0; i < normals.length; i += 3) {
      const length = Math.hypot(normals[i], normals[i + 1], normals[i + 2]) || 1;
      for (let k = 0; k < 3; k++) normals[i + k] /= length;
    }
    return normals;
  };
  let normals = meshes.map(normalsOf), colours = [], picked = null;
  const pose = { azimuth: 0, elevation: 0, zoom: 1 };
  const middle = [0, 0, 0];
  let half = [1, 1];
  const axes = () => {
    const [a, e] = [pose.azimuth, pose.elevation].map((degrees) => (degrees * Math.PI) / 180);
    const right = [Math.cos(a), -Math.sin(a), 0];
    const forward = [Math.cos(e) * Math.sin(a), Math.cos(e) * Math.cos(a), -Math.sin(e)];
    const up = [
      right[1] * forward[2] - right[2] * forward[1],
      right[2] * forward[0] - right[0] * forward[2],
      right[0] * forward[1] - right[1] * forward[0],
    ];
    return [right, up, forward];
  };
  const look = (azimuth, elevation) => {
    /* From there, with all of it in view. */
    Object.assign(pose, { azimuth, elevation, zoom: 1 });
    const low = [Infinity, Infinity, Infinity], high = low.map((one) => -one), ways = axes();
    for (const { points } of meshes)
      for (let i = 0; i < points.length; i += 3)
        ways.forEach((way, k) => {
          const at = points[i] * way[0] + points[i + 1] * way[1] + points[i + 2] * way[2];
          low[k] = Math.min(low[k], at);
          high[k] = Math.max(high[k], at);
        });
    for (let k = 0; k < 3; k++) middle[k] = ways.reduce((all, way, w) => all + (way[k] * (low[w] + high[w])) / 2, 0);
    half = [0, 1].map((k) => (high[k] - low[k]) / 2 || 1);
  };
  const reset = () => look(...cortex.pose);
  const drawCortex = () => {
    if (!cortex) return;
    const canvas = find("cortex"), ratio = window.devicePixelRatio || 1;
    const width = (canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio)));
    const height = (canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio)));
    const pen = canvas.getContext("2d"), drawn = pen.createImageData(width, height);
    const pixels = new Uint32Array(drawn.data.buffer), depth = new Float32Array(width * height).fill(Infinity);
    picked = new Int32Array(width * height).fill(-1);
    const [right, up, forward] = axes(), scale = pose.zoom * 0.47 * Math.min(width / half[0], height / half[1]);
    meshes.forEach((mesh, side) => {
      const { points, faces } = mesh, n = points.length / 3, rgb = colours[side], normal = normals[side];
      const xs = new Float32Array(n), ys = new Float32Array(n), zs = new Float32Array(n), lights = new Float32Array(n);
      for (let i = 0; i < n; i++) {
        const [x, y, z] = [points[3 * i] - middle[0], points[3 * i + 1] - middle[1], points[3 * i + 2] - middle[2]];
        xs[i] = width / 2 + scale * (x * right[0] + y * right[1] + z * right[2]);
        ys[i] = height / 2 - scale * (x * up[0] + y * up[1] + z * up[2]);
        zs[i] = x * forward[0] + y * forward[1] + z * forward[2];
        const facing = normal[3 * i] * forward[0] + normal[3 * i + 1] * forward[1] + normal[3 * i + 2] * forward[2];
        lights[i] = 0.62 + 0.38 * Math.abs(facing);
      }
      for (let f = 0; f < faces.length; f += 3) {
        const a = faces[f], b = faces[f + 1], c = faces[f + 2];
        const area = (xs[b] - xs[a]) * (ys[c] - ys[a]) - (xs[c] - xs[a]) * (ys[b] - ys[a]);
        if (area === 0) continue;
        const left = Math.max(0, Math.ceil(Math.min(xs[a], xs[b], xs[c])));
        const end = Math.min(width - 1, Math.floor(Math.max(xs[a], xs[b], xs[c])));
        const top = Math.max(0, Math.ceil(Math.min(ys[a], ys[b], ys[c])));
        const foot = Math.min(height - 1, Math.floor(Math.max(ys[a], ys[b], ys[c])));
        for (let y = top; y <= foot; y++)
          for (let x = left; x <= end; x++) {
            const p = ((xs[b] - x) * (ys[c] - y) - (xs[c] - x) * (ys[b] - y)) / area;
            const q = ((xs[c] - x) * (ys[a] - y) - (xs[a] - x) * (ys[c] - y)) / area;
            const r = 1 - p - q;
            if (p < 0 || q < 0 || r < 0) continue;
            const z = p * zs[a] + q * zs[b] + r * zs[c], at = y * width + x;
            if (z >= depth[at]) continue;
            depth[at] = z;
            const light = p * lights[a] + q * lights[b] + r * lights[c];
            let colour = 0xff000000;
            for (let k = 0; k < 3; k++)
              colour |= Math.round(light * (p * rgb[3 * a + k] + q * rgb[3 * b + k] + r * rgb[3 * c + k])) << (8 * k);
            pixels[at] = colour;
            const vertex = p >= q && p >= r ? a : q >= r ? b : c;
            picked[at] = 2 * vertex + side;
          }
      }
    });
    pen.putImageData(drawn, 0, 0);
  };
  const describe = (side, vertex) => {
    const mesh = meshes[side], voxel = mesh.voxels[vertex], place = cortex.places[mesh.places[vertex]];
    const value = valueOf(voxel), unit = map.unit || "";
    const parts = [place, voxel >= 0 ? "voxel " + voxel : "", Number.isFinite(value) ? write(value) + " " + unit : ""];
    return parts.filter(Boolean).join(" · ");
  };
  const drawKey = () => {
    const canvas = find("key");
    canvas.hidden = !map.table;
    find("key_words").textContent = map.caption;
    if (!map.table) return void (find("key_ends").textContent = "");
    canvas.width = 256;
    canvas.height = 1;
    const pen = canvas.getContext("2d"), drawn = pen.createImageData(256, 1), table = read(map.table);
    for (let i = 0; i < 256; i++) {
      const size = Math.abs(map.lowest + ((i + 0.5) / 256) * (map.limit - map.lowest));
      const cover = size < map.threshold ? 0 : coverOf(size);
      for (let c = 0; c < 3; c++) drawn.data[4 * i + c] = 160 + cover * (table[4 * i + c] - 160);
      drawn.data[4 * i + 3] = 255;
    }
    pen.putImageData(drawn, 0, 0);
    find("key_ends").textContent = (map.lowest < 0 ? write(map.lowest) : "0") + " to " + write(map.limit) + "; beyond: the end's colour";
  };

  /* ---------- all together ---------- */
  const shifts = read(data.rois.shifts);
  const show = () => {
    find("told").textContent = data.steps[position];
    find("step").value = position;
    find("step").setAttribute("aria-valuetext", data.steps[position]);
    showImages();
    const n = data.rois.names.length, now = shifts.subarray(position * n, position * n + n);
    const most = Math.max(1e-12, ...Array.from(shifts, (one) => (Number.isFinite(one) ? Math.abs(one) : 0)));
    document.querySelectorAll("[data-roi]").forEach((row) => {
      const value = now[Number(row.dataset.roi)];
      row.querySelector(".now").textContent = write(value);
      const bar = row.querySelector(".bar");
      bar.style.width = (50 * Math.abs(value || 0)) / most + "%";
      bar.style.marginLeft = value < 0 ? 50 - (50 * Math.abs(value)) / most + "%" : "50%";
    });
    if (cortex) {
      colours = meshes.map(colourMesh);
      drawKey();
      drawCortex();
    }
  };
  find("step").addEventListener("input", (event) => ((position = Number(event.target.value)), show()));
  if (images) {
    paint("clean", (index) => pictures[index]);
    find("gain").addEventListener("change", showImages);
  }
  if (cortex) {
    reset();
    const canvas = find("cortex");
    const turn = (across, down) => {
      pose.azimuth = (pose.azimuth + across + 360) % 360;
      pose.elevation = Math.max(-90, Math.min(90, pose.elevation + down));
      drawCortex();
    };
    const zoom = (factor) => ((pose.zoom = Math.max(0.5, Math.min(12, pose.zoom * factor))), drawCortex());
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) => {
      const size = canvas.clientHeight;
      if (event.buttons) return turn((180 * event.movementX) / size, (180 * event.movementY) / size);
      const ratio = canvas.width / canvas.clientWidth;
      const at = Math.floor(event.offsetY * ratio) * canvas.width + Math.floor(event.offsetX * ratio);
      find("under").textContent = picked[at] >= 0 ? describe(picked[at] % 2, picked[at] >> 1) : "";
    });
    canvas.addEventListener("wheel", (event) => (event.preventDefault(), zoom(Math.exp(-event.deltaY / 500))), { passive: false });
    const keys = {
      ArrowLeft: () => turn(-10, 0), ArrowRight: () => turn(10, 0), ArrowUp: () => turn(0, -10), ArrowDown: () => turn(0, 10),
      "+": () => zoom(1.2), "=": () => zoom(1.2), "-": () => zoom(1 / 1.2), Home: () => (reset(), drawCortex()),
    };
    canvas.addEventListener("keydown", (event) => {
      if (!keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });
    document.querySelectorAll("[data-view]").forEach((button) =>
      button.addEventListener("click", () => {
        look(...button.dataset.view.split(",").map(Number));
        drawCortex();
      }));
    const list = find("map");
    cortex.maps.forEach((one, number) => list.add(new Option(one.caption, number)));
    list.addEventListener("change", () => ((map = cortex.maps[Number(list.value)]), show()));
    window.addEventListener("resize", drawCortex);
  }
  show();
  window.probePage = { data, colours: () => colours.map((one) => Array.from(one)), describe, pose, ready: true };
})().catch((error) => {
  document.getElementById("told").textContent = "This browser cannot draw the page: " + error.message;
});
