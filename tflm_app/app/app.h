// The app: proves on start that it answers as Python did, then answers every line of the serial line.
//
// A line of a pair's model is two texts with a tab between them.

#ifndef TFLM_APP_APP_APP_H_
#define TFLM_APP_APP_APP_H_

namespace app {

// Says what this is, checks the model's hash and the golden rows, and prompts; ends the program where one is wrong.
// board::Initialise comes before.
void Start();

// Takes the next byte of the serial line; the one that ends a line gets its answer.
void Take(char byte);

}  // namespace app

#endif  // TFLM_APP_APP_APP_H_
