/** The server was stopped by an uncaught error, which is in the log. The exit code is EX_SOFTWARE of sysexits.h. */
export class ServerFault extends Error {
  static readonly exitCode = 70
  constructor() {
    super('The server was stopped by an uncaught error. Its stack trace is in the log. Please report it.')
    this.name = 'ServerFault'
  }
}
