export const LIBRARY = "";
