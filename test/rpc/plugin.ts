/** The test provider as a plugin's process. */
import { serve } from "../../provider/rpc/serve.ts";
import { provider } from "./thing.ts";

void serve(provider);
