/** A case of a public test suite: what must come out, or that a row of it or all of it is refused. */
export interface CsvCase {
  readonly source: string;
  readonly name: string;
  readonly text: string;
  readonly delimiter?: string;
  readonly quote?: string;
  readonly rows?: readonly (readonly string[])[];
  readonly refused?: boolean;
}

/**
 * Of PapaParse (mholt/PapaParse, tests/test-cases.js), csv-parse (adaltas/node-csv, packages/csv-parse/test) and
 * max-mapper/csv-spectrum: those that need no option but delimiter and quote. Empty lines are no rows here.
 */
export const csvCases: readonly CsvCase[] = [
  { source: 'PapaParse', name: 'One row', text: 'A,b,c', rows: [['A', 'b', 'c']] },
  {
    source: 'PapaParse',
    name: 'Two rows',
    text: 'A,b,c\nd,E,f',
    rows: [
      ['A', 'b', 'c'],
      ['d', 'E', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Three rows',
    text: 'A,b,c\nd,E,f\nG,h,i',
    rows: [
      ['A', 'b', 'c'],
      ['d', 'E', 'f'],
      ['G', 'h', 'i'],
    ],
  },
  { source: 'PapaParse', name: 'Whitespace at edges of unquoted field', text: 'a,\tb ,c', rows: [['a', '\tb ', 'c']] },
  { source: 'PapaParse', name: 'Quoted field', text: 'A,"B",C', rows: [['A', 'B', 'C']] },
  {
    source: 'PapaParse',
    name: 'Quoted field with extra whitespace on edges',
    text: 'A," B  ",C',
    rows: [['A', ' B  ', 'C']],
  },
  { source: 'PapaParse', name: 'Quoted field with delimiter', text: 'A,"B,B",C', rows: [['A', 'B,B', 'C']] },
  { source: 'PapaParse', name: 'Quoted field with line break', text: 'A,"B\nB",C', rows: [['A', 'B\nB', 'C']] },
  {
    source: 'PapaParse',
    name: 'Quoted fields with line breaks',
    text: 'A,"B\nB","C\nC\nC"',
    rows: [['A', 'B\nB', 'C\nC\nC']],
  },
  {
    source: 'PapaParse',
    name: 'Quoted fields at end of row with delimiter and line break',
    text: 'a,b,"c,c\nc"\nd,e,f',
    rows: [
      ['a', 'b', 'c,c\nc'],
      ['d', 'e', 'f'],
    ],
  },
  { source: 'PapaParse', name: 'Quoted field with escaped quotes', text: 'A,"B""B""B",C', rows: [['A', 'B"B"B', 'C']] },
  {
    source: 'PapaParse',
    name: 'Quoted field with escaped quotes at boundaries',
    text: 'A,"""B""",C',
    rows: [['A', '"B"', 'C']],
  },
  { source: 'PapaParse', name: 'Unquoted field with quotes at end of field', text: 'A,B",C', refused: true },
  {
    source: 'PapaParse',
    name: 'Quoted field with quotes around delimiter',
    text: 'A,""",""",C',
    rows: [['A', '","', 'C']],
  },
  {
    source: 'PapaParse',
    name: 'Quoted field with quotes on right side of delimiter',
    text: 'A,",""",C',
    rows: [['A', ',"', 'C']],
  },
  {
    source: 'PapaParse',
    name: 'Quoted field with quotes on left side of delimiter',
    text: 'A,""",",C',
    rows: [['A', '",', 'C']],
  },
  {
    source: 'PapaParse',
    name: 'Quoted field with 5 quotes in a row and a delimiter in there, too',
    text: '"1","cnonce="""",nc=""""","2"',
    rows: [['1', 'cnonce="",nc=""', '2']],
  },
  { source: 'PapaParse', name: 'Quoted field with whitespace around quotes', text: 'A, "B" ,C', refused: true },
  { source: 'PapaParse', name: 'Misplaced quotes in data, not as opening quotes', text: 'A,B "B",C', refused: true },
  { source: 'PapaParse', name: 'Quoted field has no closing quote', text: 'a,"b,c\nd,e,f', refused: true },
  {
    source: 'PapaParse',
    name: 'Quoted field has invalid trailing quote after delimiter with a valid closer',
    text: '"a,"b,c"\nd,e,f',
    refused: true,
  },
  {
    source: 'PapaParse',
    name: 'Quoted field has invalid trailing quote after delimiter',
    text: 'a,"b,"c\nd,e,f',
    refused: true,
  },
  {
    source: 'PapaParse',
    name: 'Quoted field has invalid trailing quote before delimiter',
    text: 'a,"b"c,d\ne,f,g',
    refused: true,
  },
  {
    source: 'PapaParse',
    name: 'Quoted field has invalid trailing quote after new line',
    text: 'a,"b,c\nd"e,f,g',
    refused: true,
  },
  {
    source: 'PapaParse',
    name: 'Quoted field has valid trailing quote via delimiter',
    text: 'a,"b",c\nd,e,f',
    rows: [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Quoted field has valid trailing quote via \\n',
    text: 'a,b,"c"\nd,e,f',
    rows: [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Quoted field has valid trailing quote via EOF',
    text: 'a,b,c\nd,e,"f"',
    rows: [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Quoted field contains delimiters and \\n with valid trailing quote',
    text: 'a,"b,c\nd,e,f"',
    rows: [['a', 'b,c\nd,e,f']],
  },
  {
    source: 'PapaParse',
    name: 'Line starts with quoted field',
    text: 'a,b,c\n"d",e,f',
    rows: [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Line starts with unquoted empty field',
    text: ',b,c\n"d",e,f',
    rows: [
      ['', 'b', 'c'],
      ['d', 'e', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Line ends with quoted field',
    text: 'a,b,c\nd,e,f\n"g","h","i"\n"j","k","l"',
    rows: [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
      ['g', 'h', 'i'],
      ['j', 'k', 'l'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Line ends with quoted field, first field of next line is empty, \\n',
    text: 'a,b,c\n,e,f\n,"h","i"\n,"k","l"',
    rows: [
      ['a', 'b', 'c'],
      ['', 'e', 'f'],
      ['', 'h', 'i'],
      ['', 'k', 'l'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Quoted field at end of row (but not at EOF) has quotes',
    text: 'a,b,"c""c"""\nd,e,f',
    rows: [
      ['a', 'b', 'c"c"'],
      ['d', 'e', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Empty quoted field at EOF is empty',
    text: 'a,b,""\na,b,""',
    rows: [
      ['a', 'b', ''],
      ['a', 'b', ''],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Multiple consecutive empty fields',
    text: 'a,b,,,c,d\n,,e,,,f',
    rows: [
      ['a', 'b', '', '', 'c', 'd'],
      ['', '', 'e', '', '', 'f'],
    ],
  },
  { source: 'PapaParse', name: 'Empty input string', text: '', rows: [] },
  { source: 'PapaParse', name: 'Input is just the delimiter (2 empty fields)', text: ',', rows: [['', '']] },
  {
    source: 'PapaParse',
    name: 'Input is just empty fields',
    text: ',,\n,,,',
    rows: [
      ['', '', ''],
      ['', '', '', ''],
    ],
  },
  { source: 'PapaParse', name: 'Input is just a string (a single field)', text: 'Abc def', rows: [['Abc def']] },
  {
    source: 'PapaParse',
    name: 'Input with only a commented line, without comments enabled',
    text: '#commented line',
    rows: [['#commented line']],
  },
  {
    source: 'PapaParse',
    name: 'Input without comments with line starting with whitespace',
    text: 'a\n b\nc',
    rows: [['a'], [' b'], ['c']],
  },
  {
    source: 'PapaParse',
    name: 'Multiple rows, one column (no delimiter found)',
    text: 'a\nb\nc\nd\ne',
    rows: [['a'], ['b'], ['c'], ['d'], ['e']],
  },
  {
    source: 'PapaParse',
    name: 'One column input with empty fields',
    text: 'a\nb\n\n\nc\nd\ne\n',
    rows: [['a'], ['b'], ['c'], ['d'], ['e']],
  },
  {
    source: 'PapaParse',
    name: 'Fast mode, basic',
    text: 'a,b,c\nd,e,f',
    rows: [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ],
  },
  { source: 'PapaParse', name: 'Fast mode with blank line at end', text: 'a,b,c\n', rows: [['a', 'b', 'c']] },
  {
    source: 'PapaParse',
    name: 'Two rows, just \\r',
    text: 'A,b,c\rd,E,f',
    rows: [
      ['A', 'b', 'c'],
      ['d', 'E', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Two rows, \\r\\n',
    text: 'A,b,c\r\nd,E,f',
    rows: [
      ['A', 'b', 'c'],
      ['d', 'E', 'f'],
    ],
  },
  { source: 'PapaParse', name: 'Quoted field with \\r\\n', text: 'A,"B\r\nB",C', rows: [['A', 'B\r\nB', 'C']] },
  { source: 'PapaParse', name: 'Quoted field with \\r', text: 'A,"B\rB",C', rows: [['A', 'B\rB', 'C']] },
  { source: 'PapaParse', name: 'Quoted field with \\n', text: 'A,"B\nB",C', rows: [['A', 'B\nB', 'C']] },
  {
    source: 'PapaParse',
    name: 'Quoted fields with spaces between closing quote and next delimiter',
    text: 'A,"B" ,C,D\r\nE,F,"G"  ,H',
    refused: true,
  },
  {
    source: 'PapaParse',
    name: 'Quoted fields with spaces between closing quote and next new line',
    text: 'A,B,C,"D" \r\nE,F,G,"H"  \r\nQ,W,E,R',
    refused: true,
  },
  {
    source: 'PapaParse',
    name: 'Quoted fields with spaces after closing quote',
    text: 'A,"B" ,C,"D" \r\nE,F,"G"  ,"H"  \r\nQ,W,"E" ,R',
    refused: true,
  },
  {
    source: 'PapaParse',
    name: 'Misplaced quotes in data twice, not as opening quotes',
    text: 'A,B",C\nD,E",F',
    refused: true,
  },
  {
    source: 'PapaParse',
    name: 'Row with enough fields but blank field in the begining',
    text: 'A,B,C\r\n,b1,c1\r\na2,b2,c2',
    rows: [
      ['A', 'B', 'C'],
      ['', 'b1', 'c1'],
      ['a2', 'b2', 'c2'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Tab delimiter',
    text: 'a\tb\tc\r\nd\te\tf',
    delimiter: '\t',
    rows: [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Pipe delimiter',
    text: 'a|b|c\r\nd|e|f',
    delimiter: '|',
    rows: [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'ASCII 30 delimiter',
    text: 'a\u001eb\u001ec\r\nd\u001ee\u001ef',
    delimiter: '\u001e',
    rows: [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'ASCII 31 delimiter',
    text: 'a\u001fb\u001fc\r\nd\u001fe\u001ff',
    delimiter: '\u001f',
    rows: [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Blank line at beginning',
    text: '\r\na,b,c\r\nd,e,f',
    rows: [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Blank line in middle',
    text: 'a,b,c\r\n\r\nd,e,f',
    rows: [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Blank lines at end',
    text: 'a,b,c\nd,e,f\n\n',
    rows: [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Blank line in middle with whitespace',
    text: 'a,b,c\r\n \r\nd,e,f',
    rows: [['a', 'b', 'c'], [' '], ['d', 'e', 'f']],
  },
  {
    source: 'PapaParse',
    name: 'First field of a line is empty',
    text: 'a,b,c\r\n,e,f',
    rows: [
      ['a', 'b', 'c'],
      ['', 'e', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Last field of a line is empty',
    text: 'a,b,\r\nd,e,f',
    rows: [
      ['a', 'b', ''],
      ['d', 'e', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Other fields are empty',
    text: 'a,,c\r\n,,',
    rows: [
      ['a', '', 'c'],
      ['', '', ''],
    ],
  },
  { source: 'PapaParse', name: 'Empty input string', text: '', rows: [] },
  { source: 'PapaParse', name: 'Input is just the delimiter (2 empty fields)', text: ',', rows: [['', '']] },
  { source: 'PapaParse', name: 'Input is just a string (a single field)', text: 'Abc def', rows: [['Abc def']] },
  {
    source: 'PapaParse',
    name: 'Empty lines',
    text: '\na,b,c\n\nd,e,f\n\n',
    rows: [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Skip empty lines',
    text: 'a,b,c\n\nd,e,f',
    rows: [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Skip empty lines, with newline at end of input',
    text: 'a,b,c\r\n\r\nd,e,f\r\n',
    rows: [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ],
  },
  { source: 'PapaParse', name: 'Skip empty lines, with empty input', text: '', rows: [] },
  {
    source: 'PapaParse',
    name: 'Skip empty lines, with first line only whitespace',
    text: ' \na,b,c',
    rows: [[' '], ['a', 'b', 'c']],
  },
  {
    source: 'PapaParse',
    name: 'Pipe delimiter is guessed correctly when mixed with comas',
    text: 'one|two,two|three\nfour|five,five|six',
    rows: [
      ['one', 'two,two', 'three'],
      ['four', 'five,five', 'six'],
    ],
    delimiter: '|',
  },
  {
    source: 'PapaParse',
    name: 'Pipe delimiter is guessed correctly choose avgFildCount max one',
    text: 'a,b,c\na,b,c|d|e|f',
    rows: [
      ['a', 'b', 'c'],
      ['a', 'b', 'c|d|e|f'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Pipe delimiter is guessed correctly when first field are enclosed in quotes and contain delimiter characters',
    text: '"Field1,1,1";Field2;"Field3";Field4;Field5;Field6',
    rows: [['Field1,1,1', 'Field2', 'Field3', 'Field4', 'Field5', 'Field6']],
    delimiter: ';',
  },
  {
    source: 'PapaParse',
    name: 'Pipe delimiter is guessed correctly when some fields are enclosed in quotes and contain delimiter characters and escaoped quotes',
    text: 'Field1;Field2;"Field,3,""3,3";Field4;Field5;"Field6,6"',
    rows: [['Field1', 'Field2', 'Field,3,"3,3', 'Field4', 'Field5', 'Field6,6']],
    delimiter: ';',
  },
  {
    source: 'PapaParse',
    name: 'Single quote as quote character',
    text: "a,b,'c,d'",
    quote: "'",
    rows: [['a', 'b', 'c,d']],
  },
  {
    source: 'PapaParse',
    name: 'Carriage return in header inside quotes, with line feed endings',
    text: '"a\r\na","b"\n"c","d"\n"e","f"\n"g","h"\n"i","j"',
    rows: [
      ['a\r\na', 'b'],
      ['c', 'd'],
      ['e', 'f'],
      ['g', 'h'],
      ['i', 'j'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Line feed in header inside quotes, with carriage return + line feed endings',
    text: '"a\na","b"\r\n"c","d"\r\n"e","f"\r\n"g","h"\r\n"i","j"',
    rows: [
      ['a\na', 'b'],
      ['c', 'd'],
      ['e', 'f'],
      ['g', 'h'],
      ['i', 'j'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Using \\r\\n endings uses \\r\\n linebreak',
    text: 'a,b\r\nc,d\r\ne,f\r\ng,h\r\ni,j',
    rows: [
      ['a', 'b'],
      ['c', 'd'],
      ['e', 'f'],
      ['g', 'h'],
      ['i', 'j'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Using \\n endings uses \\n linebreak',
    text: 'a,b\nc,d\ne,f\ng,h\ni,j',
    rows: [
      ['a', 'b'],
      ['c', 'd'],
      ['e', 'f'],
      ['g', 'h'],
      ['i', 'j'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Using \\r\\n endings with \\r\\n in header field uses \\r\\n linebreak',
    text: '"a\r\na",b\r\nc,d\r\ne,f\r\ng,h\r\ni,j',
    rows: [
      ['a\r\na', 'b'],
      ['c', 'd'],
      ['e', 'f'],
      ['g', 'h'],
      ['i', 'j'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Using \\r\\n endings with \\n in header field uses \\r\\n linebreak',
    text: '"a\na",b\r\nc,d\r\ne,f\r\ng,h\r\ni,j',
    rows: [
      ['a\na', 'b'],
      ['c', 'd'],
      ['e', 'f'],
      ['g', 'h'],
      ['i', 'j'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Using \\r\\n endings with \\n in header field with skip empty lines uses \\r\\n linebreak',
    text: '"a\na",b\r\nc,d\r\ne,f\r\ng,h\r\ni,j\r\n',
    rows: [
      ['a\na', 'b'],
      ['c', 'd'],
      ['e', 'f'],
      ['g', 'h'],
      ['i', 'j'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Using \\n endings with \\r\\n in header field uses \\n linebreak',
    text: '"a\r\na",b\nc,d\ne,f\ng,h\ni,j',
    rows: [
      ['a\r\na', 'b'],
      ['c', 'd'],
      ['e', 'f'],
      ['g', 'h'],
      ['i', 'j'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Using reserved regex character . as quote character',
    text: '.a\na.,b\r\nc,d\r\ne,f\r\ng,h\r\ni,j',
    quote: '.',
    rows: [
      ['a\na', 'b'],
      ['c', 'd'],
      ['e', 'f'],
      ['g', 'h'],
      ['i', 'j'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Using reserved regex character | as quote character',
    text: '|a\na|,b\r\nc,d\r\ne,f\r\ng,h\r\ni,j',
    quote: '|',
    rows: [
      ['a\na', 'b'],
      ['c', 'd'],
      ['e', 'f'],
      ['g', 'h'],
      ['i', 'j'],
    ],
  },
  {
    source: 'PapaParse',
    name: 'Quoted fields with spaces between closing quote and next delimiter and contains delimiter',
    text: 'A,",B" ,C,D\nE,F,G,H',
    refused: true,
  },
  {
    source: 'PapaParse',
    name: 'Quoted fields with spaces between closing quote and newline and contains newline',
    text: 'a,b,"c\n" \nd,e,f',
    refused: true,
  },
  {
    source: 'csv-spectrum',
    name: 'comma_in_quotes',
    text: 'first,last,address,city,zip\nJohn,Doe,120 any st.,"Anytown, WW",08123',
    rows: [
      ['first', 'last', 'address', 'city', 'zip'],
      ['John', 'Doe', '120 any st.', 'Anytown, WW', '08123'],
    ],
  },
  {
    source: 'csv-spectrum',
    name: 'empty',
    text: 'a,b,c\n1,"",""\n2,3,4',
    rows: [
      ['a', 'b', 'c'],
      ['1', '', ''],
      ['2', '3', '4'],
    ],
  },
  {
    source: 'csv-spectrum',
    name: 'empty_crlf',
    text: 'a,b,c\r\n1,"",""\r\n2,3,4',
    rows: [
      ['a', 'b', 'c'],
      ['1', '', ''],
      ['2', '3', '4'],
    ],
  },
  {
    source: 'csv-spectrum',
    name: 'escaped_quotes',
    text: 'a,b\n1,"ha ""ha"" ha"\n3,4\n',
    rows: [
      ['a', 'b'],
      ['1', 'ha "ha" ha'],
      ['3', '4'],
    ],
  },
  {
    source: 'csv-spectrum',
    name: 'json',
    text: 'key,val\n1,"{""type"": ""Point"", ""coordinates"": [102.0, 0.5]}"\n',
    rows: [
      ['key', 'val'],
      ['1', '{"type": "Point", "coordinates": [102.0, 0.5]}'],
    ],
  },
  {
    source: 'csv-spectrum',
    name: 'newlines',
    text: 'a,b,c\n1,2,3\n"Once upon \na time",5,6\n7,8,9\n',
    rows: [
      ['a', 'b', 'c'],
      ['1', '2', '3'],
      ['Once upon \na time', '5', '6'],
      ['7', '8', '9'],
    ],
  },
  {
    source: 'csv-spectrum',
    name: 'newlines_crlf',
    text: 'a,b,c\r\n1,2,3\r\n"Once upon \r\na time",5,6\r\n7,8,9\r\n',
    rows: [
      ['a', 'b', 'c'],
      ['1', '2', '3'],
      ['Once upon \r\na time', '5', '6'],
      ['7', '8', '9'],
    ],
  },
  {
    source: 'csv-spectrum',
    name: 'quotes_and_newlines',
    text: 'a,b\n1,"ha \n""ha"" \nha"\n3,4\n',
    rows: [
      ['a', 'b'],
      ['1', 'ha \n"ha" \nha'],
      ['3', '4'],
    ],
  },
  {
    source: 'csv-spectrum',
    name: 'simple',
    text: 'a,b,c\n1,2,3\n',
    rows: [
      ['a', 'b', 'c'],
      ['1', '2', '3'],
    ],
  },
  {
    source: 'csv-spectrum',
    name: 'simple_crlf',
    text: 'a,b,c\r\n1,2,3\r\n',
    rows: [
      ['a', 'b', 'c'],
      ['1', '2', '3'],
    ],
  },
  {
    source: 'csv-spectrum',
    name: 'utf8',
    text: 'a,b,c\n1,2,3\n4,5,ʤ',
    rows: [
      ['a', 'b', 'c'],
      ['1', '2', '3'],
      ['4', '5', 'ʤ'],
    ],
  },
  {
    source: 'csv-parse',
    name: 'quote, with default',
    text: 'abc,"123",def,"456"\nhij,klm,"789",nop',
    rows: [
      ['abc', '123', 'def', '456'],
      ['hij', 'klm', '789', 'nop'],
    ],
  },
  {
    source: 'csv-parse',
    name: 'quote, with fields containing delimiters',
    text: '20322051544,",1979.0,8.8017226E7,ABC,45,2000-01-01",1,2,3,4\n28392898392,1974.0,8.8392926E7,DEF,23,2050-11-27\n"28392898392,1974.0","8.8392926E7","DEF,23,2050-11-27,",4,5,6',
    rows: [
      ['20322051544', ',1979.0,8.8017226E7,ABC,45,2000-01-01', '1', '2', '3', '4'],
      ['28392898392', '1974.0', '8.8392926E7', 'DEF', '23', '2050-11-27'],
      ['28392898392,1974.0', '8.8392926E7', 'DEF,23,2050-11-27,', '4', '5', '6'],
    ],
  },
  {
    source: 'csv-parse',
    name: 'quote, empty value',
    text: '20322051544,"",8.8017226E7,45,""\n"",1974,8.8392926E7,"",""',
    rows: [
      ['20322051544', '', '8.8017226E7', '45', ''],
      ['', '1974', '8.8392926E7', '', ''],
    ],
  },
  {
    source: 'csv-parse',
    name: 'quote, values containing quotes and double quotes escape',
    text: 'AB,"""",CD,"""hi"""\n"",JK,"",""\n',
    rows: [
      ['AB', '"', 'CD', '"hi"'],
      ['', 'JK', '', ''],
    ],
  },
  {
    source: 'csv-parse',
    name: 'quote, only containing quotes and double quotes escape',
    text: '""""\n""""\n',
    rows: [['"'], ['"']],
  },
  {
    source: 'csv-parse',
    name: 'quote, line breaks inside quotes',
    text: '20322051544,"\n",8.8017226E7,45,"\nok\n"\n"\n",1974,8.8392926E7,"","\n"',
    rows: [
      ['20322051544', '\n', '8.8017226E7', '45', '\nok\n'],
      ['\n', '1974', '8.8392926E7', '', '\n'],
    ],
  },
  {
    source: 'csv-parse',
    name: 'delimiter, using default comma',
    text: 'abc,,123,\n,def,,',
    rows: [
      ['abc', '', '123', ''],
      ['', 'def', '', ''],
    ],
  },
  {
    source: 'csv-parse',
    name: 'delimiter, using tab',
    text: 'abc\t\tde\tf\t\n\thij\tklm\t\t',
    delimiter: '\t',
    rows: [
      ['abc', '', 'de', 'f', ''],
      ['', 'hij', 'klm', '', ''],
    ],
  },
];
