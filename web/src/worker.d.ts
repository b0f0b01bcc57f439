// The worker's script. It exports nothing: whoever gives `new Worker` its URL needs it, as a bundler that
// is told of it by name.

export {};
