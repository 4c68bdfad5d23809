import {
  type Client,
  type Entry,
  type Filter,
  MessageResponseStatus,
  PagedResultsControl,
  type SearchOptions,
  SearchRequest,
  type SearchResponse,
  StatusCodeParser,
} from "ldapts";

/** AD gives 1,000 at most (MaxPageSize). Larger pages gain nothing and keep what runs beside them waiting (README.md §6). */
const PAGE_SIZE = 250;

export type Page = { entries: Entry[]; references: string[]; hasMore: boolean };

/**
 * One search, a page at a time (RFC 2696); each call asks for the next page. ldapts' own paging takes an empty page for the
 * last one and lets the server ignore the request (README.md §1, E), so this asks by ldapts' messages: the control
 * is critical, and only an empty cookie ends the list.
 * @throws what ldapts throws, and Error when the server answers as if it had never heard of pages
 */
export function pagedSearch(
  client: Client,
  base: string,
  { filter, attributes = [], explicitBufferAttributes = [] }: SearchOptions & { filter: Filter },
): () => Promise<Page> {
  const asked = new PagedResultsControl({ critical: true, value: { size: PAGE_SIZE } });
  return async () => {
    const request = new SearchRequest({
      messageId: client["_nextMessageId"](),
      baseDN: base,
      scope: "sub",
      filter,
      attributes,
      explicitBufferAttributes,
      controls: [asked],
    });
    const response: SearchResponse = await client["_send"](request);
    if (response.status !== MessageResponseStatus.Success) throw StatusCodeParser.parse(response);
    const answered = response.controls?.find((control) => control instanceof PagedResultsControl);
    if (answered?.value === undefined) throw new Error("the server answered without the paging that it was asked for");
    const cookie = answered.value.cookie ?? Buffer.alloc(0);
    asked.value = { size: PAGE_SIZE, cookie };
    return {
      entries: response.searchEntries.map((entry) => entry.toObject(attributes, explicitBufferAttributes)),
      references: response.searchReferences.flatMap(({ uris }) => uris),
      hasMore: cookie.length > 0,
    };
  };
}
