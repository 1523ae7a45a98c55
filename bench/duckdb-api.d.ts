// bench/duckdb-api.d.ts — the little of @duckdb/node-api that the benches use, so that types can be checked where the
// package (70 MB, with a package.json of its own) has not been installed.
declare module '@duckdb/node-api' {
  export interface DuckDBVector {
    getItem(row: number): unknown;
  }
  export interface DuckDBDataChunk {
    readonly rowCount: number;
    getColumnVector(column: number): DuckDBVector;
  }
  export interface DuckDBResult {
    fetchAllChunks(): Promise<DuckDBDataChunk[]>;
  }
  export interface DuckDBConnection {
    run(sql: string): Promise<DuckDBResult>;
    closeSync(): void;
  }
  export const DuckDBInstance: {
    create(path: string, options: Record<string, string>): Promise<{ connect(): Promise<DuckDBConnection> }>;
  };
}
