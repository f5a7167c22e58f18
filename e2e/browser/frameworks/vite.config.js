import { svelte } from '@sveltejs/vite-plugin-svelte';
import vue from '@vitejs/plugin-vue';

export default {
  plugins: [svelte(), vue({ template: { compilerOptions: { isCustomElement: (tag) => tag === 'atrip-link' } } })],
  esbuild: { jsx: 'automatic' },
  build: {
    rollupOptions: {
      input: { vite: 'plain.js', react: 'react.jsx', vue: 'vue.js', svelte: 'svelte.js' },
      output: { entryFileNames: '[name].js' },
    },
  },
};
