export default ({ children }) => <html lang="en"><body><main>{children}</main></body></html>;
