/**
 * AArch64 instructions on vectors of 128 bits (Arm ARM chapter C7), as formats/isa/arm64.ts writes rows, each for the
 * widths of lanes that follow it. {T}: lanes that fill a register; {H}: those of its lower half; {W}: twice as wide;
 * {E}: the scalar of that width; {bits}: the width. zz is the field of the width, SSSSSSS one with an immediate in it.
 */

const ROWS = `
add V<d>.{T}, V<n>.{T}, V<m>.{T} | 01001110zz1mmmmm100001nnnnnddddd | bhsd
sub V<d>.{T}, V<n>.{T}, V<m>.{T} | 01101110zz1mmmmm100001nnnnnddddd | bhsd
addp V<d>.{T}, V<n>.{T}, V<m>.{T} | 01001110zz1mmmmm101111nnnnnddddd | bhsd
mul V<d>.{T}, V<n>.{T}, V<m>.{T} | 01001110zz1mmmmm100111nnnnnddddd | bhs
mla V<d>.{T}, V<n>.{T}, V<m>.{T} | 01001110zz1mmmmm100101nnnnnddddd | bhs
mls V<d>.{T}, V<n>.{T}, V<m>.{T} | 01101110zz1mmmmm100101nnnnnddddd | bhs
cmeq V<d>.{T}, V<n>.{T}, V<m>.{T} | 01101110zz1mmmmm100011nnnnnddddd | bhsd
cmgt V<d>.{T}, V<n>.{T}, V<m>.{T} | 01001110zz1mmmmm001101nnnnnddddd | bhsd
cmhi V<d>.{T}, V<n>.{T}, V<m>.{T} | 01101110zz1mmmmm001101nnnnnddddd | bhsd
smax V<d>.{T}, V<n>.{T}, V<m>.{T} | 01001110zz1mmmmm011001nnnnnddddd | bhs
smin V<d>.{T}, V<n>.{T}, V<m>.{T} | 01001110zz1mmmmm011011nnnnnddddd | bhs
umax V<d>.{T}, V<n>.{T}, V<m>.{T} | 01101110zz1mmmmm011001nnnnnddddd | bhs
umin V<d>.{T}, V<n>.{T}, V<m>.{T} | 01101110zz1mmmmm011011nnnnnddddd | bhs
urhadd V<d>.{T}, V<n>.{T}, V<m>.{T} | 01101110zz1mmmmm000101nnnnnddddd | bhs
uabd V<d>.{T}, V<n>.{T}, V<m>.{T} | 01101110zz1mmmmm011101nnnnnddddd | bhs
ushl V<d>.{T}, V<n>.{T}, V<m>.{T} | 01101110zz1mmmmm010001nnnnnddddd | bhsd
sshl V<d>.{T}, V<n>.{T}, V<m>.{T} | 01001110zz1mmmmm010001nnnnnddddd | bhsd
neg V<d>.{T}, V<n>.{T} | 01101110zz100000101110nnnnnddddd | bhsd
uzp1 V<d>.{T}, V<n>.{T}, V<m>.{T} | 01001110zz0mmmmm000110nnnnnddddd | bhsd
and V<d>.{T}, V<n>.{T}, V<m>.{T} | 01001110001mmmmm000111nnnnnddddd | b
bic V<d>.{T}, V<n>.{T}, V<m>.{T} | 01001110011mmmmm000111nnnnnddddd | b
orr V<d>.{T}, V<n>.{T}, V<m>.{T} | 01001110101mmmmm000111nnnnnddddd | b
eor V<d>.{T}, V<n>.{T}, V<m>.{T} | 01101110001mmmmm000111nnnnnddddd | b
bsl V<d>.{T}, V<n>.{T}, V<m>.{T} | 01101110011mmmmm000111nnnnnddddd | b
bit V<d>.{T}, V<n>.{T}, V<m>.{T} | 01101110101mmmmm000111nnnnnddddd | b
bif V<d>.{T}, V<n>.{T}, V<m>.{T} | 01101110111mmmmm000111nnnnnddddd | b
umull V<d>.{W}, V<n>.{H}, V<m>.{H} | 00101110zz1mmmmm110000nnnnnddddd | bhs
umull2 V<d>.{W}, V<n>.{T}, V<m>.{T} | 01101110zz1mmmmm110000nnnnnddddd | bhs
smull V<d>.{W}, V<n>.{H}, V<m>.{H} | 00001110zz1mmmmm110000nnnnnddddd | bhs
smull2 V<d>.{W}, V<n>.{T}, V<m>.{T} | 01001110zz1mmmmm110000nnnnnddddd | bhs
umlal V<d>.{W}, V<n>.{H}, V<m>.{H} | 00101110zz1mmmmm100000nnnnnddddd | bhs
umlal2 V<d>.{W}, V<n>.{T}, V<m>.{T} | 01101110zz1mmmmm100000nnnnnddddd | bhs
smlal V<d>.{W}, V<n>.{H}, V<m>.{H} | 00001110zz1mmmmm100000nnnnnddddd | bhs
smlal2 V<d>.{W}, V<n>.{T}, V<m>.{T} | 01001110zz1mmmmm100000nnnnnddddd | bhs
uaddlp V<d>.{W}, V<n>.{T} | 01101110zz100000001010nnnnnddddd | bhs
saddlp V<d>.{W}, V<n>.{T} | 01001110zz100000001010nnnnnddddd | bhs
uadalp V<d>.{W}, V<n>.{T} | 01101110zz100000011010nnnnnddddd | bhs
sadalp V<d>.{W}, V<n>.{T} | 01001110zz100000011010nnnnnddddd | bhs
xtn V<d>.{H}, V<n>.{W} | 00001110zz100001001010nnnnnddddd | bhs
cnt V<d>.{T}, V<n>.{T} | 01001110zz100000010110nnnnnddddd | b
rev64 V<d>.16b, V<n>.16b | 0100111000100000000010nnnnnddddd
rev32 V<d>.16b, V<n>.16b | 0110111000100000000010nnnnnddddd
rev16 V<d>.{T}, V<n>.{T} | 01001110zz100000000110nnnnnddddd | b
ext V<d>.16b, V<n>.16b, V<m>.16b, #8 | 01101110000mmmmm010000nnnnnddddd
addv {E}<d>, V<n>.{T} | 01001110zz110001101110nnnnnddddd | bhs
smaxv {E}<d>, V<n>.{T} | 01001110zz110000101010nnnnnddddd | bhs
sminv {E}<d>, V<n>.{T} | 01001110zz110001101010nnnnnddddd | bhs
umaxv {E}<d>, V<n>.{T} | 01101110zz110000101010nnnnnddddd | bhs
uminv {E}<d>, V<n>.{T} | 01101110zz110001101010nnnnnddddd | bhs
addp D<d>, V<n>.{T} | 01011110zz110001101110nnnnnddddd | d
shl V<d>.{T}, V<n>.{T}, #i | 010011110SSSSSSS010101nnnnnddddd | bhsd
ushr V<d>.{T}, V<n>.{T}, #{bits}-i | 011011110SSSSSSS000001nnnnnddddd | bhsd
sshr V<d>.{T}, V<n>.{T}, #{bits}-i | 010011110SSSSSSS000001nnnnnddddd | bhsd
ushll V<d>.{W}, V<n>.{H}, #i | 001011110SSSSSSS101001nnnnnddddd | bhs
ushll2 V<d>.{W}, V<n>.{T}, #i | 011011110SSSSSSS101001nnnnnddddd | bhs
sshll V<d>.{W}, V<n>.{H}, #i | 000011110SSSSSSS101001nnnnnddddd | bhs
sshll2 V<d>.{W}, V<n>.{T}, #i | 010011110SSSSSSS101001nnnnnddddd | bhs
dup V<d>.16b, W<n> | 0100111000000001000011nnnnnddddd
dup V<d>.8h, W<n> | 0100111000000010000011nnnnnddddd
dup V<d>.4s, W<n> | 0100111000000100000011nnnnnddddd
dup V<d>.2d, X<n> | 0100111000001000000011nnnnnddddd
fmov W<d>, S<n> | 0001111000100110000000nnnnnddddd
fmov X<d>, D<n> | 1001111001100110000000nnnnnddddd
fmov S<d>, W<n> | 0001111000100111000000nnnnnddddd
fmov D<d>, X<n> | 1001111001100111000000nnnnnddddd
umov X<d>, V<n>.d[1] | 0100111000011000001111nnnnnddddd
movi V<d>.16b, #j:i | 0100111100000jjj111001iiiiiddddd
movi V<d>.2d, #mask j:i | 0110111100000jjj111001iiiiiddddd
movi V<d>.4s, #j:i, lsl #m*8 | 0100111100000jjj0mm001iiiiiddddd
mvni V<d>.4s, #j:i, lsl #m*8 | 0110111100000jjj0mm001iiiiiddddd
movi V<d>.8h, #j:i, lsl #m*8 | 0100111100000jjj10m001iiiiiddddd
mvni V<d>.8h, #j:i, lsl #m*8 | 0110111100000jjj10m001iiiiiddddd
ldr S<d>, [X<n>~, #i*4] | 1011110101iiiiiiiiiiiinnnnnddddd
ldr D<d>, [X<n>~, #i*8] | 1111110101iiiiiiiiiiiinnnnnddddd
ldr Q<d>, [X<n>~, #i*16] | 0011110111iiiiiiiiiiiinnnnnddddd
str Q<d>, [X<n>~, #i*16] | 0011110110iiiiiiiiiiiinnnnnddddd
ldur S<d>, [X<n>~, #+i] | 10111100010iiiiiiiii00nnnnnddddd
ldur D<d>, [X<n>~, #+i] | 11111100010iiiiiiiii00nnnnnddddd
ldur Q<d>, [X<n>~, #+i] | 00111100110iiiiiiiii00nnnnnddddd
stur Q<d>, [X<n>~, #+i] | 00111100100iiiiiiiii00nnnnnddddd
ldr S<d>, [X<n>~], #+i | 10111100010iiiiiiiii01nnnnnddddd
ldr D<d>, [X<n>~], #+i | 11111100010iiiiiiiii01nnnnnddddd
ldr Q<d>, [X<n>~], #+i | 00111100110iiiiiiiii01nnnnnddddd
str Q<d>, [X<n>~], #+i | 00111100100iiiiiiiii01nnnnnddddd
ldp Q<d>, Q<a>, [X<n>~, #+i*16] | 1010110101iiiiiiiaaaaannnnnddddd
stp Q<d>, Q<a>, [X<n>~, #+i*16] | 1010110100iiiiiiiaaaaannnnnddddd
ldp Q<d>, Q<a>, [X<n>~], #+i*16 | 1010110011iiiiiiiaaaaannnnnddddd
stp Q<d>, Q<a>, [X<n>~], #+i*16 | 1010110010iiiiiiiaaaaannnnnddddd
`;

interface Width {
  T: string;
  H: string;
  W: string;
  E: string;
  bits: number;
  zz: string;
  field: string;
}

const WIDTHS: Record<string, Width> = {
  b: { T: "16b", H: "8b", W: "8h", E: "B", bits: 8, zz: "00", field: "0001iii" },
  h: { T: "8h", H: "4h", W: "4s", E: "H", bits: 16, zz: "01", field: "001iiii" },
  s: { T: "4s", H: "2s", W: "2d", E: "S", bits: 32, zz: "10", field: "01iiiii" },
  d: { T: "2d", H: "1d", W: "1q", E: "D", bits: 64, zz: "11", field: "1iiiiii" },
};

function expand(line: string): string[] {
  const [syntax, pattern, widths] = line.split(" | ");
  if (widths === undefined) return [line];
  return [...widths].map((name) => {
    const width = WIDTHS[name];
    const text = syntax.replace(/\{(\w+)\}/g, (_, key: "T") => String(width[key]));
    return `${text} | ${pattern.replace("zz", width.zz).replace("SSSSSSS", width.field)}`;
  });
}

/** Lines as in formats/isa/arm64.ts. */
export const VECTOR_ROWS: readonly string[] = ROWS.trim().split("\n").flatMap(expand);
