// Chinese texts for <atrip-link>. Load this module in place of atrip-link.js, which it brings along; wherever the page's
// lang is Chinese, the element then speaks it.
import { AtripLink } from './atrip-link.js';

AtripLink.addTexts('zh', {
  label: '在 ATRIP 中打开[订单 {order}]',
  newTab: '在新标签页中打开',
  busy: '正在打开 ATRIP…',
  done: 'ATRIP 已在新标签页中打开。',
  reference: '请求编号',
  copy: '复制',
  copied: '已复制',
  InvalidRequest: 'ATRIP 无法打开此订单：订单号、用户名或角色无效。',
  NotPermitted: '您无权以此角色在 ATRIP 中打开此订单。请联系权限管理员。',
  SignInExpired: '登录已过期。请重新登录后再打开此订单。',
  Throttled: 'ATRIP 繁忙，请在 {n} 秒后重试。',
  AtlasFailed: 'ATRIP 未能打开此订单。可能找不到该订单，或系统出现故障。请稍后重试。',
  AtlasRefused: 'ATRIP 不接受本系统的凭据。请联系技术支持，重试无效。',
  Unavailable: '暂时无法连接 ATRIP，请在 {n} 秒后重试。',
  Timeout: 'ATRIP 未及时响应，请重试。',
  Unreachable: '此页面无法连接打开 ATRIP 的服务。请检查网络，或重新登录。',
  PopupBlocked: '浏览器阻止了新标签页。请允许此网站弹出窗口后重试。',
  Failed: '未能打开 ATRIP。请重试；如仍失败，请联系技术支持。',
});

export { AtripLink };
