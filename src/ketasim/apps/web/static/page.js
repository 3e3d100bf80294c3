"use strict";
// The page works without this file; it only spares waiting and clicks.
