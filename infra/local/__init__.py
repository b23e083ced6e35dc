"""The whole store on one machine: an emulator of AWS that keeps its data on disk, the API in front, the workers."""
