// Search in pages that are opened from the disk: browsers start no worker there, so a hidden frame takes its place.
// The theme would fetch a script of this name from a network.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inside = frame.contentWindow;
      const send = inside.postMessage.bind(inside); // before what runs inside takes the name for the other direction
      const loaded = new Promise(done => (frame.onload = done));
      inside.document.write(
        `<script>self.postMessage = data => parent.postMessage(data, "*")<\/script><script src="${url}"><\/script>`,
      );
      inside.document.close();
      this.postMessage = data => loaded.then(() => send(data, "*"));
      addEventListener("message", ({ source, data }) => {
        if (source === inside) this.dispatchEvent(new MessageEvent("message", { data }));
      });
    }
  };
}
