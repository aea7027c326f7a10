// The camera with advice while the customer aims: light, sharpness and distance, measured on a small picture.
"use strict";

window.precheck = window.precheck || {};

(() => {
  const WIDE = 160, EVERY_MS = 250, LONGEST_MS = 20000;
  const DARK = 45, BRIGHT = 225, SHARP = 55, EDGE = 28, SOMETHING = 100;

  // What a picture of w x h shows: mean light and its spread, sharpness, and how much of it has edges in it.
  function measured(pixels, w, h) {
    const grey = new Float32Array(w * h);
    let sum = 0, square = 0;
    for (let i = 0, p = 0; i < grey.length; i += 1, p += 4) {
      grey[i] = 0.114 * pixels[p + 2] + 0.587 * pixels[p + 1] + 0.299 * pixels[p];
      sum += grey[i];
      square += grey[i] * grey[i];
    }
    let lap = 0, lap2 = 0, count = 0, edges = 0, border = 0, left = w, right = 0, top = h, bottom = 0;
    for (let y = 1; y < h - 1; y += 1) {
      for (let x = 1; x < w - 1; x += 1) {
        const i = y * w + x;
        const l = 4 * grey[i] - grey[i - 1] - grey[i + 1] - grey[i - w] - grey[i + w];
        lap += l;
        lap2 += l * l;
        count += 1;
        const edge = Math.abs(grey[i + 1] - grey[i - 1]) + Math.abs(grey[i + w] - grey[i - w]);
        if (edge > EDGE) {
          edges += 1;
          if (x < 4 || y < 4 || x > w - 5 || y > h - 5) border += 1;
          if (x < left) left = x;
          if (x > right) right = x;
          if (y < top) top = y;
          if (y > bottom) bottom = y;
        }
      }
    }
    const share = edges ? Math.max((right - left) / w, (bottom - top) / h) : 0;
    const light = sum / grey.length;
    return { light, spread: square / grey.length - light * light, sharp: lap2 / count - (lap / count) ** 2, share, border: border / (2 * (w + h)), edges: edges / count };
  }

  // The advice for what was measured, as a key of the page's words.
  function advice(step, seen) {
    if (seen.light < DARK) return "dark";
    if (seen.light > BRIGHT) return "bright";
    if (seen.edges < 0.004) return seen.spread > SOMETHING ? "blurred" : "closer"; // there is something, without an edge
    if (seen.share < 0.3) return "closer";
    if (seen.sharp < SHARP) return "blurred";
    if (step === "whole" && seen.border > 0.35) return "farther";
    if (step === "label" && seen.edges < 0.03) return "closer";
    return "good";
  }

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  }

  // Opens the camera for a step; resolves with a Blob, or null when it was closed. Rejects when there is no camera.
  async function shoot(step, title, words) {
    const wanted = { video: { facingMode: { ideal: "environment" }, width: { ideal: 1920 }, height: { ideal: 1080 } }, audio: false };
    const stream = await navigator.mediaDevices.getUserMedia(wanted);
    const dialog = element("dialog", "camera");
    const sight = element("div", "sight");
    const video = element("video");
    video.muted = true;
    video.playsInline = true;
    video.srcObject = stream;
    const frame = element("div", "frame"), hint = element("p", "hint"), what = element("p", "what", title);
    hint.setAttribute("role", "status");
    const keys = element("div", "keys");
    const close = element("button", "", words.close), act = element("button", "primary", step === "video" ? words.record : words.shoot);
    close.type = act.type = "button";
    keys.append(close, act);
    const view = element("div", "view"); // exactly as large as the picture, so that the frame lies in it
    view.append(video, frame);
    sight.append(view, hint, what);
    dialog.append(sight, keys);
    dialog.setAttribute("aria-label", title);
    document.body.append(dialog);
    dialog.showModal();
    await video.play();
    const fit = () => {
      const wide = video.videoWidth / video.videoHeight;
      view.style.aspectRatio = String(wide);
      view.classList.toggle("wide", wide > sight.clientWidth / sight.clientHeight);
    };
    fit();
    video.addEventListener("resize", fit);
    window.addEventListener("resize", fit);

    const canvas = element("canvas"), pen = canvas.getContext("2d", { willReadFrequently: true });
    let said = "";
    const timer = setInterval(() => {
      if (!video.videoWidth || dialog.dataset.held) return;
      canvas.width = WIDE;
      canvas.height = Math.max(3, Math.round(WIDE * video.videoHeight / video.videoWidth));
      pen.drawImage(video, 0, 0, canvas.width, canvas.height);
      const seen = measured(pen.getImageData(0, 0, canvas.width, canvas.height).data, canvas.width, canvas.height);
      const now = advice(step, seen);
      if (now === said) return;
      said = now;
      hint.textContent = words[now];
      frame.classList.toggle("good", now === "good");
    }, EVERY_MS);

    return await new Promise((done) => {
      function end(found) {
        clearInterval(timer);
        window.removeEventListener("resize", fit);
        stream.getTracks().forEach((track) => track.stop());
        dialog.close();
        dialog.remove();
        done(found);
      }
      close.addEventListener("click", () => end(null));
      dialog.addEventListener("cancel", (event) => { event.preventDefault(); end(null); });
      act.addEventListener("click", () => (step === "video" ? film() : still()));

      async function still() {
        act.disabled = true;
        const full = element("canvas");
        full.width = video.videoWidth;
        full.height = video.videoHeight;
        full.getContext("2d").drawImage(video, 0, 0);
        const blob = await new Promise((made) => full.toBlob(made, "image/jpeg", 0.92));
        act.disabled = false;
        if (blob === null) return;
        dialog.dataset.held = "1";
        const shown = element("img");
        shown.alt = title;
        shown.src = URL.createObjectURL(blob);
        video.hidden = frame.hidden = true;
        hint.hidden = true;
        view.prepend(shown);
        const again = element("button", "", words.again), use = element("button", "primary", words.use);
        again.type = use.type = "button";
        keys.replaceChildren(again, use);
        use.focus();
        again.addEventListener("click", () => {
          URL.revokeObjectURL(shown.src);
          shown.remove();
          video.hidden = frame.hidden = hint.hidden = false;
          delete dialog.dataset.held;
          keys.replaceChildren(close, act);
        });
        use.addEventListener("click", () => {
          URL.revokeObjectURL(shown.src);
          end(blob);
        });
      }

      function film() {
        const kinds = ["video/mp4", "video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];
        const mimeType = kinds.find((kind) => MediaRecorder.isTypeSupported(kind));
        const recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: 6000000 });
        const parts = [];
        recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
        recorder.addEventListener("stop", () => end(new Blob(parts, { type: recorder.mimeType.split(";")[0] })));
        recorder.start(1000);
        const over = setTimeout(() => recorder.stop(), LONGEST_MS - 200);
        const stop = element("button", "primary", words.stop);
        stop.type = "button";
        stop.addEventListener("click", () => { clearTimeout(over); recorder.stop(); });
        keys.replaceChildren(stop);
        stop.focus();
      }
    });
  }

  window.precheck.shoot = shoot;
  window.precheck.measured = measured;
  window.precheck.advice = advice;
  window.precheck.hasCamera = () => Boolean(window.isSecureContext && navigator.mediaDevices && navigator.mediaDevices.getUserMedia);
})();
