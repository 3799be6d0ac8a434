/** Where this script came from, which is where the service is unless `endpoint` names another. */
declare const SCRIPT_ADDRESS: string;

declare module "*.css?inline" {
  const css: string;
  export default css;
}
