import { createApp } from 'vue';
import Vue from './Vue.vue';

createApp(Vue).mount('main');
