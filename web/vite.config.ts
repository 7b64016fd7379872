import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` shows the page from source against a Vigie that runs on this machine.
const server = "http://127.0.0.1:9090";

export default defineConfig({
  // What the page consists of is found from the address in <base>, which the server sets.
  base: "./",
  plugins: [react()],
  resolve: { alias: { "@": new URL("./src", import.meta.url).pathname } },
  build: { target: "es2022", chunkSizeWarningLimit: 700 },
  server: { proxy: Object.fromEntries(["/api", "/-", "/elasticsearch", "/jaeger", "/alertmanager"].map((path) => [path, server])) },
});
