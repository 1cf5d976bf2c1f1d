// Reading a QR code from a camera or from a picture, with jsQR (vendored, loaded by index.html).

const WIDEST = 2000;

// What a code in this image says, or null. The image is drawn at most WIDEST pixels wide.
function textIn(source, width, height) {
  const scale = Math.min(1, WIDEST / Math.max(width, height));
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(source, 0, 0, canvas.width, canvas.height);
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  return window.jsQR(data, canvas.width, canvas.height)?.data ?? null;
}

// What a picture file says; throws when it is no picture.
export async function readFile(file) {
  const image = await createImageBitmap(file);
  try {
    return textIn(image, image.width, image.height);
  } finally {
    image.close();
  }
}

// The camera, looked through ten times a second until a code is seen.
export class Camera {
  async start(video, found) {
    this.stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    if (!video.isConnected) return this.stop();
    video.srcObject = this.stream;
    video.hidden = false;
    await video.play();
    this.looking = setInterval(() => {
      const text = video.videoWidth ? textIn(video, video.videoWidth, video.videoHeight) : null;
      if (text === null) this.last = null;
      // The same code again was judged already.
      if (!text || text === this.last) return;
      this.last = text;
      found(text);
    }, 100);
  }

  stop() {
    clearInterval(this.looking);
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = this.last = null;
  }
}
