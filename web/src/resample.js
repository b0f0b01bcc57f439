// Resizing, to the digit as figleaf.models.preprocess has it in Python.
//
// Pictures here are {data, width, height, channels}: bytes in rows, 3 or 4 to a pixel, of which the
// first three are red, green and blue. Results have 3. Of what is resized the middle alone is made
// where no more is wanted: a strip of paper would be hundreds of millions of pixels.

/**
 * Resize bilinearly with corner pixels on corner pixels, in float32, without antialiasing.
 *
 * The source coordinate of output pixel i of S is i*(n-1)/(S-1), as in TensorFlow's ResizeBilinear
 * with align_corners=True; rows are blended first, then columns, each step rounded to float32.
 *
 * @param picture {data, width, height, channels}
 * @param {[number, number]} size [height, width] that the picture is resized to
 * @param {[number, number]} crop [height, width] of its middle, which is the result
 * @returns {Float32Array} RGB, 0..255, height * width * 3 numbers of the crop
 */
export function alignCorners({ data, width, height, channels }, size, crop = size) {
  const [tall, wide] = crop;
  const down = taps(height, middle(size[0], tall));
  const along = taps(width, middle(size[1], wide));
  const result = new Float32Array(tall * wide * 3);
  const { fround } = Math;
  let at = 0;
  for (let y = 0; y < tall; y += 1) {
    const above = down.lower[y] * width;
    const below = down.upper[y] * width;
    const v = down.weight[y];
    for (let x = 0; x < wide; x += 1) {
      const left = along.lower[x];
      const right = along.upper[x];
      const u = along.weight[x];
      const a = (above + left) * channels;
      const b = (below + left) * channels;
      const c = (above + right) * channels;
      const d = (below + right) * channels;
      for (let k = 0; k < 3; k += 1) {
        const west = fround(fround((data[b + k] - data[a + k]) * v) + data[a + k]);
        const east = fround(fround((data[d + k] - data[c + k]) * v) + data[c + k]);
        result[at] = fround(fround(east - west) * u) + west;
        at += 1;
      }
    }
  }
  return result;
}

/** The output indices of one axis that are wanted: `count` of `size`, from `start` on. */
const middle = (size, count) => ({ size, start: Math.floor((size - count) / 2), count });

/** The lower and upper source index and the upper one's weight, for each output index. */
function taps(length, { size, start, count }) {
  const step = size > 1 ? Math.fround((length - 1) / (size - 1)) : 0;
  const lower = new Int32Array(count);
  const upper = new Int32Array(count);
  const weight = new Float32Array(count);
  for (let i = 0; i < count; i += 1) {
    const position = Math.fround((start + i) * step);
    const low = Math.min(Math.floor(position), length - 1);
    lower[i] = low;
    upper[i] = Math.min(low + 1, length - 1);
    weight[i] = position - low;
  }
  return { lower, upper, weight };
}

/**
 * Resize by taking, for each pixel, the one whose place its middle falls upon, as Pillow does.
 *
 * @param picture {data, width, height, channels}
 * @param {[number, number]} size, crop as in `alignCorners`
 * @returns {Uint8ClampedArray} RGB, height * width * 3 bytes of the crop
 */
export function nearest({ data, width, height, channels }, size, crop = size) {
  const [tall, wide] = crop;
  const rows = places(height, middle(size[0], tall));
  const columns = places(width, middle(size[1], wide));
  const result = new Uint8ClampedArray(tall * wide * 3);
  let at = 0;
  for (let y = 0; y < tall; y += 1) {
    for (let x = 0; x < wide; x += 1) {
      const from = (rows[y] * width + columns[x]) * channels;
      result[at] = data[from];
      result[at + 1] = data[from + 1];
      result[at + 2] = data[from + 2];
      at += 3;
    }
  }
  return result;
}

/** The source index of each output index. Pillow adds the steps up, and their rounding with them. */
function places(length, { size, start, count }) {
  const step = length / size;
  const found = new Int32Array(count);
  let place = step * 0.5;
  for (let i = 0; i < start + count; i += 1) {
    if (i >= start) found[i - start] = Math.min(Math.trunc(place), length - 1);
    place += step;
  }
  return found;
}

const FILTERS = {
  box: { reach: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { reach: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { reach: 1, at: hamming },
  bicubic: { reach: 2, at: cubic },
  lanczos: { reach: 3, at: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** A sinc under a Hamming window, whose two constants Pillow has in float32. */
function hamming(x) {
  const d = Math.abs(x);
  if (d === 0) return 1;
  if (d >= 1) return 0;
  return sinc(d) * (Math.fround(0.54) + Math.fround(0.46) * Math.cos(d * Math.PI));
}

function sinc(x) {
  if (x === 0) return 1;
  const angle = x * Math.PI;
  return Math.sin(angle) / angle;
}

/** Keys' cubic convolution kernel (1981) with a = -1/2. */
function cubic(x) {
  const d = Math.abs(x);
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
  if (d < 2) return ((d - 5) * d + 8) * d * -0.5 + 2;
  return 0;
}

const FRACTION = 22; // bits after the point of a weight: 8 for a byte, 2 to spare, of 32
const HALF = 1 << (FRACTION - 1);

/**
 * Resize with an antialiasing filter in fixed-point arithmetic, to the byte as Pillow 13 does: the
 * filter is stretched by the reduction, its weights are rounded to 22 bits, and each of two passes
 * rounds to bytes.
 *
 * @param picture {data, width, height, channels}
 * @param {[number, number]} size, crop as in `alignCorners`
 * @param {"box" | "bilinear" | "hamming" | "bicubic" | "lanczos"} filter
 * @returns {Uint8ClampedArray} RGB, height * width * 3 bytes of the crop
 */
export function antialiased(picture, size, filter, crop = size) {
  const [tall, wide] = size;
  const passes = [
    (from) => alongRows(from, weights(from.width, middle(wide, crop[1]), FILTERS[filter])),
    (from) => downColumns(from, weights(from.height, middle(tall, crop[0]), FILTERS[filter])),
  ];
  if (columnsFirst(picture, tall, wide)) passes.reverse();
  return passes.reduce((from, pass) => pass(from), withoutAlpha(picture)).data;
}

/** Pillow before 13 always began with the rows: a level's difference here and there. */
function columnsFirst({ width, height }, tall, wide) {
  return height > tall && height - tall > 2 * (width - wide);
}

/**
 * For each output index the first source index, how many there are, and their weights.
 *
 * `kernel` has `most` places for each of them; `keeps` says that nothing would change.
 */
function weights(length, { size, start, count: wanted }, { reach, at }) {
  const scale = length / size;
  const stretch = Math.max(scale, 1);
  const support = reach * stretch;
  const most = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(wanted);
  const count = new Int32Array(wanted);
  const kernel = new Int32Array(wanted * most);
  for (let i = 0; i < wanted; i += 1) {
    const centre = (start + i + 0.5) * scale;
    first[i] = Math.max(0, Math.trunc(centre - support + 0.5));
    count[i] = Math.min(length, Math.trunc(centre + support + 0.5)) - first[i];
    const own = [];
    let sum = 0;
    for (let j = 0; j < count[i]; j += 1) {
      own.push(at((j + first[i] - centre + 0.5) * (1 / stretch)));
      sum += own[j];
    }
    own.forEach((weight, j) => {
      const share = sum === 0 ? weight : weight / sum;
      kernel[i * most + j] = Math.trunc(share * (1 << FRACTION) + (share < 0 ? -0.5 : 0.5));
    });
  }
  return { first, count, kernel, most, keeps: size === length && wanted === length };
}

function alongRows({ data, width, height }, { first, count, kernel, most, keeps }) {
  if (keeps) return { data, width, height };
  const wide = first.length;
  const result = new Uint8ClampedArray(height * wide * 3);
  let at = 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < wide; x += 1) {
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      let from = (y * width + first[x]) * 3;
      const base = x * most;
      for (let j = 0; j < count[x]; j += 1) {
        const weight = kernel[base + j];
        red += data[from] * weight;
        green += data[from + 1] * weight;
        blue += data[from + 2] * weight;
        from += 3;
      }
      result[at] = red >> FRACTION;
      result[at + 1] = green >> FRACTION;
      result[at + 2] = blue >> FRACTION;
      at += 3;
    }
  }
  return { data: result, width: wide, height };
}

function downColumns({ data, width, height }, { first, count, kernel, most, keeps }) {
  if (keeps) return { data, width, height };
  const tall = first.length;
  const stride = width * 3;
  const result = new Uint8ClampedArray(tall * stride);
  const sums = new Int32Array(stride);
  for (let y = 0; y < tall; y += 1) {
    sums.fill(HALF);
    for (let j = 0; j < count[y]; j += 1) {
      const weight = kernel[y * most + j];
      const from = (first[y] + j) * stride;
      for (let x = 0; x < stride; x += 1) sums[x] += data[from + x] * weight;
    }
    for (let x = 0; x < stride; x += 1) result[y * stride + x] = sums[x] >> FRACTION;
  }
  return { data: result, width, height: tall };
}

function withoutAlpha({ data, width, height, channels }) {
  if (channels === 3) return { data, width, height };
  const result = new Uint8ClampedArray(width * height * 3);
  for (let from = 0, at = 0; at < result.length; from += channels, at += 3) {
    result[at] = data[from];
    result[at + 1] = data[from + 1];
    result[at + 2] = data[from + 2];
  }
  return { data: result, width, height };
}
